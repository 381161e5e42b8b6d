// The frame around every view: sign-in, navigation, what is wrong with the connection.

import { useEffect, useState } from 'preact/hooks';

import { Session } from './generated/first.js';
import { liveness, trouble } from './lib/api.js';
import { timeZone } from './lib/format.js';
import { useQuery } from './lib/hooks.js';
import { html } from './lib/html.js';
import { page } from './lib/page.js';
import * as router from './lib/router.js';
import * as session from './lib/session.js';
import { Button, Loading, Notice, Problem, Toasts } from './ui/basic.js';
import { Renewal, SignIn, signOut } from './ui/sign_in.js';
import { Waiting } from './ui/waiting.js';

/** @typedef {{ parameters: string[], session: import('./generated/types').SessionQuery['session'] }} ViewProps `parameters`: the parts of the path that the view's pattern leaves open */

/**
 * The views: pattern of the path, where the view is, its words in the navigation, and who sees it there. A view is loaded when it is
 * first shown.
 * @type {{ pattern: RegExp, load: () => Promise<{ default: import('preact').ComponentType<ViewProps> }>, nav?: [string, string], operator?: boolean }[]}
 */
const VIEWS = [
  { pattern: /^\/$/, load: () => import('./views/now.js'), nav: ['/', 'Now'] },
  { pattern: /^\/agents$/, load: () => import('./views/agents.js'), nav: ['/agents', 'Agents'] },
  { pattern: /^\/agents\/new$/, load: () => import('./views/new_agent.js') },
  { pattern: /^\/agents\/([^/]+)$/, load: () => import('./views/agent.js') },
  { pattern: /^\/numbers$/, load: () => import('./views/numbers.js'), nav: ['/numbers', 'Numbers'] },
  { pattern: /^\/numbers\/groups$/, load: () => import('./views/groups.js') },
  { pattern: /^\/numbers\/groups\/([^/]+)$/, load: () => import('./views/groups/group.js') },
  { pattern: /^\/numbers\/kept$/, load: () => import('./views/kept.js') },
  { pattern: /^\/numbers\/kept\/([^/]+)$/, load: () => import('./views/kept/number.js') },
  { pattern: /^\/numbers\/accounts$/, load: () => import('./views/accounts.js') },
  { pattern: /^\/numbers\/import$/, load: () => import('./views/import.js') },
  { pattern: /^\/numbers\/([^/]+)$/, load: () => import('./views/number.js') },
  { pattern: /^\/calls$/, load: () => import('./views/calls.js'), nav: ['/calls', 'Calls'] },
  { pattern: /^\/calls\/([^/]+)$/, load: () => import('./views/call.js') },
  { pattern: /^\/messages$/, load: () => import('./views/messages.js'), nav: ['/messages', 'Messages'] },
  { pattern: /^\/messages\/([^/]+)$/, load: () => import('./views/messages/thread.js') },
  { pattern: /^\/usage$/, load: () => import('./views/usage.js'), nav: ['/usage', 'Usage'] },
  { pattern: /^\/trail$/, load: () => import('./views/trail.js'), nav: ['/trail', 'Trail'] },
  {
    pattern: /^\/operator$/,
    load: () => import('./views/operator.js'),
    nav: ['/operator', 'Operator'],
    operator: true,
  },
];

export function App() {
  if (session.handedOver.value) {
    return html`<main class="alone"><h1>Signed in</h1><p>You can close this tab: the other one goes on.</p></main>`;
  }
  if (session.token.value === null) return html`<${SignIn} />`;
  return html`<${Signed} />`;
}

function Signed() {
  const read = useQuery(Session, {});
  const known = read.data?.session;
  // An operator who acts for nobody has no data of a tenant to look at. The session here knows it before the server's answer does.
  const isOperatorAlone = known?.role === 'OPERATOR' && session.actingFor.value === null;
  return html`
    <a class="skip" href="#view">Skip to the content</a>
    <${Head} known=${known} isOperatorAlone=${isOperatorAlone} />
    <${Connection} />
    <main id="view" tabindex="-1">
      <${Problem} read=${read} />
      ${!known && !read.problem && html`<${Loading} />`}
      ${known && html`<${View} known=${known} isOperatorAlone=${isOperatorAlone} />`}
    </main>
    <footer>Times are in ${timeZone}. <a href="/graphql">GraphiQL</a>${page.version && ` · Switchboard ${page.version}`}</footer>
    <${Toasts} />
    ${session.refusal.value && html`<${Renewal} />`}`;
}

/** @param {{ known: ViewProps['session'] | undefined, isOperatorAlone: boolean }} props */
function Head({ known, isOperatorAlone }) {
  const { path } = router.address.value;
  const { email, sub } = session.claims(session.token.value);
  const shown = VIEWS.filter(({ nav, operator }) => nav && (operator ? known?.role === 'OPERATOR' : !isOperatorAlone));
  return html`<header>
    <a class="brand" href="/console">Switchboard</a>
    ${known?.sandbox && html`<span class="badge warn" title="Nothing real is bought or called">Sandbox</span>`}
    <nav aria-label="Views"><ul>${shown.map(({ nav }) => {
      const [to, label] = nav ?? ['/', ''];
      const isHere = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`);
      return html`<li key=${to}><a href=${router.href(to)} aria-current=${isHere ? 'page' : undefined}>${label}${to === '/messages' && html`<${Waiting} />`}</a></li>`;
    })}</ul></nav>
    <div class="who">
      ${
        session.actingFor.value &&
        html`<span class="acting">Acting for <code>${session.actingFor.value.slice(0, 8)}</code>
        <${Button} kind="quiet" onClick=${() => {
          session.actingFor.value = null;
          router.navigate('/operator');
        }}>Stop</${Button}></span>`
      }
      <span class="name" title=${sub ?? ''}><bdi>${email ?? (known?.role === 'OPERATOR' ? 'Operator' : (sub?.slice(0, 8) ?? ''))}</bdi></span>
      <${Button} kind="quiet" onClick=${signOut}>Sign out</${Button}>
    </div>
  </header>`;
}

/** What is wrong with the connection at present, and what happens next. */
function Connection() {
  const isCut = liveness.value === 'reconnecting';
  const message = trouble.value ?? (isCut ? 'The connection was lost. Reconnecting: what is shown may be old.' : null);
  // The region is always there: screen readers announce changes of its content only.
  return html`<div class="connection" role="status">${message && html`<div class="notice warning"><span class="spinner" aria-hidden="true"></span> ${message}</div>`}</div>`;
}

/** A part of the path. A link that was cut may end within an escape. @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @param {{ known: ViewProps['session'], isOperatorAlone: boolean }} props */
function View({ known, isOperatorAlone }) {
  const { path } = router.address.value;
  const found = VIEWS.find(({ pattern }) => pattern.test(path));
  const wantsOperator = isOperatorAlone && !found?.operator;
  useEffect(() => {
    if (wantsOperator) router.navigate('/operator', { replace: true });
  }, [wantsOperator]);
  const parameters = (found?.pattern.exec(path) ?? []).slice(1).map(decode);
  const [loaded, setLoaded] = useState(
    /** @type {{ of: unknown, component?: import('preact').ComponentType<ViewProps>, failed?: boolean }} */ ({
      of: null,
    }),
  );

  useEffect(() => {
    if (!found) return undefined;
    let ended = false;
    found.load().then(
      (module) => !ended && setLoaded({ of: found, component: module.default }),
      () => !ended && setLoaded({ of: found, failed: true }),
    );
    return () => {
      ended = true;
    };
  }, [found]);

  if (!found) return html`<h1>No such page</h1><p><a href="/console">To the start</a></p>`;
  if (wantsOperator || loaded.of !== found) return html`<${Loading} />`;
  if (loaded.failed || !loaded.component) {
    // After an upgrade of the server, or without a connection.
    const reload = html`<${Button} kind="primary" onClick=${() => location.reload()}>Reload</${Button}>`;
    return html`<${Notice} kind="error" action=${reload}>This view could not be loaded. The server may have been upgraded, or the connection was lost.</${Notice}>`;
  }
  // The key starts every agent, number and call with fresh state.
  return html`<${loaded.component} key=${path} parameters=${parameters} session=${known} />`;
}
