// The form of one routing rule.

import { useId } from 'preact/hooks';

import { timeZone as viewerZone } from '../../lib/format.js';
import { html } from '../../lib/html.js';
import { Field } from '../../ui/form.js';
import { sentence } from '../../ui/progress.js';
import { forwards, isTimed } from './rules.js';
import { WEEK } from './sentence.js';

/** @typedef {import('./rules.js').Draft} Draft */
/** @typedef {{ draft: Draft, errors: import('./use_rules.js').RuleError[], onChange: (changes: Partial<Draft>) => void }} Part */

/** @type {[string, string][]} */
const ACTIONS = [
  ['AGENT', 'The agent answers'],
  ['FORWARD', 'Another number rings'],
  ['FORWARD_THEN_AGENT', 'Another number rings first, then the agent answers'],
  ['MESSAGE', 'The caller hears a message'],
  ['REJECT', 'The call is rejected'],
];

const ZONES = [...new Set([viewerZone, 'UTC', ...Intl.supportedValuesOf('timeZone')])];

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.currentTarget).value;

/** @param {Part['errors']} errors @param {string} name */
const errorsOf = (errors, name) =>
  errors.filter(({ path }) => path.includes(name)).map(({ message }) => ({ message: sentence(message) }));

/** @param {Part & { conflicts: import('./conflicts.js').Conflict[] }} props */
export function RuleFields({ draft, errors, conflicts, onChange }) {
  const twins = conflicts.filter(({ field }) => field === 'name');
  const part = { draft, errors, onChange };
  return html`<div class="form rule-form">
    <${Text} ...${part} name="name" label="Name" required maxlength="100" extra=${twins} />
    <${Times} ...${part} />
    <${Lines} ...${part} name="callers" label="Callers" rows="3"
      hint="One a line: a number (+12125550123), the beginning of numbers (+49), or anonymous for hidden numbers. Empty: every caller." />
    <${Action} ...${part} />
  </div>`;
}

/** @param {Part & { name: keyof Draft, label: string, hint?: string, extra?: { message: string }[] } & Record<string, any>} props */
function Text({ draft, errors, onChange, name, label, hint, required, extra = [], ...rest }) {
  const own = errorsOf(errors, name);
  return html`<${Field} label=${label} hint=${hint} required=${required} errors=${own.length > 0 ? own : extra}>
    ${(
      /** @type {object} */ props,
    ) => html`<input ...${{ type: 'text', autocomplete: 'off', ...rest, ...props }} value=${draft[name]}
      onInput=${(/** @type {Event} */ event) => onChange({ [name]: valueOf(event) })} />`}
  </${Field}>`;
}

/** @param {Part & { name: keyof Draft, label: string, hint: string } & Record<string, any>} props */
function Lines({ draft, errors, onChange, name, label, hint, required, ...rest }) {
  return html`<${Field} label=${label} hint=${hint} required=${required} errors=${errorsOf(errors, name)}>
    ${(/** @type {object} */ props) => html`<textarea ...${{ ...rest, ...props }} value=${draft[name]}
      onInput=${(/** @type {Event} */ event) => onChange({ [name]: valueOf(event) })}></textarea>`}
  </${Field}>`;
}

/** @param {Part} props */
function Times({ draft, errors, onChange }) {
  const id = useId();
  const dayErrors = errorsOf(errors, 'days');
  const part = { draft, errors, onChange };
  const toggle = (/** @type {Draft['days'][number]} */ day) => {
    const chosen = draft.days.includes(day) ? draft.days.filter((other) => other !== day) : [...draft.days, day];
    onChange({ days: WEEK.map(([value]) => value).filter((value) => chosen.includes(value)) });
  };
  return html`<fieldset><legend>Times</legend><div class="form">
    <p class="hint">Empty: at any time. If “To” is earlier than “From”, the time spans midnight and belongs to the day on which it begins. Midnight is 00:00.</p>
    <div class="days" role="group" aria-label="Days">${WEEK.map(
      ([value, short, long]) =>
        html`<label key=${value}><input type="checkbox" checked=${draft.days.includes(value)} onChange=${() => toggle(value)} /> <abbr title=${long}>${short}</abbr></label>`,
    )}</div>
    ${dayErrors.length > 0 && html`<div class="field-error" role="alert">${dayErrors.map(({ message }) => html`<p key=${message}>${message}</p>`)}</div>`}
    <div class="form-grid">
      <${Text} ...${part} name="from" label="From" type="time" />
      <${Text} ...${part} name="to" label="To" type="time" />
      <${Text} ...${part} name="timeZone" label="Time zone" list=${`${id}-zones`} spellcheck="false" required=${isTimed(draft)} hint="Its clock counts, daylight saving included" />
      <datalist id=${`${id}-zones`}>${ZONES.map((zone) => html`<option key=${zone} value=${zone} />`)}</datalist>
    </div>
    <${Lines} ...${part} name="dates" label="Only on these dates" rows="2" hint="Such as holidays. One a line: 2026-12-25. Empty: on all dates." />
  </div></fieldset>`;
}

/** @param {Part} props */
function Action({ draft, errors, onChange }) {
  const part = { draft, errors, onChange };
  const isFirst = draft.kind === 'FORWARD_THEN_AGENT';
  const choose = (/** @type {string} */ kind) =>
    onChange({ kind, ringSeconds: kind === 'FORWARD_THEN_AGENT' && !draft.ringSeconds ? '20' : draft.ringSeconds });
  return html`<fieldset><legend>What happens</legend><div class="form">
    <${Field} label="Action" errors=${errorsOf(errors, 'kind')}>
      ${(
        /** @type {object} */ props,
      ) => html`<select ...${props} value=${draft.kind} onChange=${(/** @type {Event} */ event) => choose(valueOf(event))}>
        ${ACTIONS.map(([value, words]) => html`<option key=${value} value=${value} selected=${value === draft.kind}>${words}</option>`)}</select>`}
    </${Field}>
    ${
      forwards(draft) &&
      html`<div class="form-grid">
      <${Text} ...${part} name="forwardTo" label="Number that rings" type="tel" required hint="With + and country, such as +12125550123" />
      <${Text} ...${part} name="ringSeconds" label="Rings for seconds" type="number" min="5" max="60" step="1" required=${isFirst} hint=${isFirst ? '5 to 60' : '5 to 60; empty: 20'} />
    </div>`
    }
    ${draft.kind === 'MESSAGE' && html`<${Lines} ...${part} name="message" label="Message" rows="3" maxlength="500" required hint="Is spoken in the agent’s language; up to 500 characters. Then the call ends." />`}
  </div></fieldset>`;
}
