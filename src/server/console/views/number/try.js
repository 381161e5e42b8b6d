// What the saved rules do with a call: at which time, from whom.

import { useState } from 'preact/hooks';

import { NumberSimulate } from '../../generated/operations.js';
import { timeZone } from '../../lib/format.js';
import { readOnce } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, Section } from '../../ui/basic.js';
import { Field } from '../../ui/form.js';
import { sentence } from '../../ui/progress.js';
import { Outcome } from '../../ui/words.js';

/** @typedef {NonNullable<import('../../generated/types').NumberSimulateQuery['simulateCall']>} Decision */

/** @param {{ number: string, isDirty: boolean, onDecision: (ruleName: string | null) => void }} props `onDecision`: '' if no rule decides; null: not known any more */
export function TryIt({ number, isDirty, onDecision }) {
  const [values, setValues] = useState({ at: '', from: '' });
  const [decision, setDecision] = useState(/** @type {Decision | null} */ (null));
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const [busy, setBusy] = useState(false);

  const show = (/** @type {Decision | null} */ next, /** @type {string | null} */ why) => {
    setDecision(next);
    setProblem(why);
    onDecision(next ? (next.ruleName ?? '') : null);
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      const at = values.at ? new Date(values.at).toISOString() : null;
      const { simulateCall } = await readOnce(NumberSimulate, { number, from: values.from.trim() || null, at });
      show(simulateCall, simulateCall ? null : 'This number takes no calls, so nothing would happen.');
    } catch (error) {
      show(null, /** @type {Error} */ (error).message);
    } finally {
      setBusy(false);
    }
  };
  const input = (/** @type {'at' | 'from'} */ name, /** @type {object} */ more) => (/** @type {object} */ props) =>
    html`<input ...${{ ...more, ...props }} value=${values[name]} onInput=${(/** @type {Event} */ event) => {
      show(null, null);
      setValues({ ...values, [name]: /** @type {HTMLInputElement} */ (event.currentTarget).value });
    }} />`;

  return html`<${Section} title="Try it">
    <p class="hint">Shows what would happen to a call. Nobody is called, and nothing is recorded.</p>
    ${isDirty && html`<${Notice} kind="warning">You have changes that are not saved. The answer is about the saved rules: save yours first to try them.</${Notice}>`}
    <form onSubmit=${submit} novalidate>
      <div class="form-grid">
        <${Field} label="Time of the call" hint=${`In ${timeZone}. Empty: now.`}>${input('at', { type: 'datetime-local' })}</${Field}>
        <${Field} label="Caller" hint="Such as +12125550123. Empty: a hidden number.">${input('from', { type: 'text', inputmode: 'tel', autocomplete: 'off' })}</${Field}>
      </div>
      <${Button} type="submit" busy=${busy}>${isDirty ? 'Try the saved rules' : 'Try it'}</${Button}>
    </form>
    <div role="status">${decision && html`<${Answer} decision=${decision} />`}</div>
    ${problem && html`<${Notice} kind="error">${sentence(problem)}</${Notice}>`}
  </${Section}>`;
}

/** @param {{ decision: Decision }} props */
function Answer({ decision }) {
  const { outcome, reason, ruleName, action } = decision;
  return html`<p><${Outcome} value=${outcome} /> ${ruleName === null ? 'No rule decides.' : html`The rule “<bdi>${ruleName}</bdi>” decides.`}
    ${action?.forwardTo && html` It forwards to <span class="num">${action.forwardTo}</span>.`}</p>
    <p class="muted"><bdi>${sentence(reason)}</bdi></p>`;
}
