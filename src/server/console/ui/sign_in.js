// Signing in: a token is pasted, came with the address, or the login page gives one.

import { useEffect, useState } from 'preact/hooks';

import { html } from '../lib/html.js';
import { loginAddress, page } from '../lib/page.js';
import * as session from '../lib/session.js';
import { Button, Notice } from './basic.js';
import { Dialog } from './dialog.js';
import { Field } from './form.js';

/** The page of a tab without a token. It goes on to the login page by itself unless that has just refused. */
export function SignIn() {
  const refused = session.refusal.value;
  const login = loginAddress();
  useEffect(() => {
    document.title = 'Sign in · Switchboard';
    if (login && !refused && !signedOut) location.replace(login);
  }, []);
  return html`<main class="alone">
    <h1>Switchboard</h1>
    ${refused && html`<${Notice} kind="error">${refused.message}</${Notice}>`}
    ${login && html`<p><a class="button primary" href=${login}>Sign in</a></p>`}
    <${TokenForm} action="Use this token" />
    ${page.sandbox && html`<p class="hint">The command <code>switchboard dev</code> prints a link with a token when it starts; <code>switchboard token</code> makes another.</p>`}
  </main>`;
}

/** Asks for a new token over the page, which stays as it is: nothing typed is lost. */
export function Renewal() {
  const login = loginAddress(session.renewalAddress());
  return html`<${Dialog} title="Sign in again">
    <p>${asSentence(session.refusal.value?.message ?? '')} Everything on this page is kept.</p>
    ${login && html`<p><a class="button primary" href=${login} target="_blank" rel="opener">Sign in in another tab</a></p>`}
    <${TokenForm} action="Go on" />
    <div class="actions end"><${Button} kind="quiet" onClick=${signOut}>Sign out</${Button}></div>
  </${Dialog}>`;
}

/** The server's reasons begin with a small letter and end without a stop. @param {string} reason */
const asSentence = (reason) => reason.charAt(0).toUpperCase() + reason.slice(1) + (/[.!?]$/.test(reason) ? '' : '.');

/** Whether the person signed out in this tab: the login page would sign them in again at once. */
let signedOut = false;

export function signOut() {
  signedOut = true;
  session.signOut();
}

/** @param {{ action: string }} props */
function TokenForm({ action }) {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const token = text.trim();
    if (token.startsWith('vami_agent_'))
      setProblem('This is an agent’s token, which reads its own agent only. Use the token of a person.');
    else if (token === '' || /\s/.test(token.replace(/^Bearer\s+/i, '')))
      setProblem('Paste the whole token: one word of letters, digits, dots, - and _.');
    else session.signIn(token);
  };
  return html`<form onSubmit=${submit} novalidate>
    <${Field} label="Token" errors=${problem ? [{ message: problem }] : []} hint="A JSON Web Token of your platform. It stays in this tab and is forgotten when you close it.">
      ${(
        /** @type {object} */ props,
      ) => html`<input ...${props} type="password" autocomplete="off" spellcheck="false" value=${text}
        onInput=${(/** @type {Event} */ event) => setText(/** @type {HTMLInputElement} */ (event.currentTarget).value)} />`}
    </${Field}>
    <${Button} type="submit" kind=${loginAddress() ? 'plain' : 'primary'}>${action}</${Button}>
  </form>`;
}
