// One agent of a call group that is edited.

import { percent } from '../../lib/format.js';
import { html } from '../../lib/html.js';
import { Button } from '../../ui/basic.js';
import { Field } from '../../ui/form.js';
import { weightOf } from './draft.js';
import { shareOf } from './words.js';

/** @typedef {import('./draft.js').MemberDraft} MemberDraft */

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement | HTMLSelectElement} */ (event.currentTarget).value;

/**
 * @param {{ form: any, member: MemberDraft, at: number, count: number, agents: { id: string, name: string }[], all: MemberDraft[], isWeighted: boolean,
 *   onChange: (changes: Partial<MemberDraft>) => void, onMove: (to: number) => void, onRemove: () => void }} props
 */
export function MemberRow({ form, member, at, count, agents, all, isWeighted, onChange, onMove, onRemove }) {
  const { key, agentId, name, weight, maxCalls } = member;
  const isListed = agentId === '' || agents.some(({ id }) => id === agentId);
  const options = [
    ['', 'Choose an agent'],
    ...(isListed ? [] : [[agentId, name]]),
    ...agents.map((agent) => [agent.id, agent.name]),
  ];
  const choose = (/** @type {string} */ id) =>
    onChange({ agentId: id, name: options.find(([value]) => value === id && id !== '')?.[1] ?? '' });
  const share = percent(
    shareOf(
      { weight: weightOf(member) },
      all.map((one) => ({ weight: weightOf(one) })),
    ),
  );
  const what = name || `agent ${at + 1}`;
  return html`<li data-member=${key}>
    <${Field} label=${`Agent ${at + 1}`} required errors=${form.errorsOf(`agent-${key}`)}>
      ${(
        /** @type {object} */ props,
      ) => html`<select ...${props} value=${agentId} onChange=${(/** @type {Event} */ event) => choose(valueOf(event))}>
        ${options.map(([value, words]) => html`<option key=${value} value=${value} selected=${value === agentId}>${words}</option>`)}
      </select>`}
    </${Field}>
    ${
      isWeighted &&
      html`<${Field} label=${html`Weight<span class="hidden"> of ${what}</span>`} hint=${`${share} of the calls`} errors=${form.errorsOf(`weight-${key}`)}>
      ${(/** @type {object} */ props) => html`<input ...${props} type="text" inputmode="numeric" autocomplete="off" maxlength="4" value=${weight} onInput=${(/** @type {Event} */ event) => onChange({ weight: valueOf(event) })} />`}
    </${Field}>`
    }
    <${Field} label=${html`Most calls at once<span class="hidden"> of ${what}</span>`} hint="Empty: as many as your plan allows" errors=${form.errorsOf(`most-${key}`)}>
      ${(/** @type {object} */ props) => html`<input ...${props} type="text" inputmode="numeric" autocomplete="off" maxlength="2" value=${maxCalls} onInput=${(/** @type {Event} */ event) => onChange({ maxCalls: valueOf(event) })} />`}
    </${Field}>
    <div class="actions">
      ${
        !isWeighted &&
        html`<${Button} kind="quiet" label=${`Up: ${what}`} disabled=${at === 0} onClick=${() => onMove(at - 1)}>Up</${Button}>
      <${Button} kind="quiet" label=${`Down: ${what}`} disabled=${at === count - 1} onClick=${() => onMove(at + 1)}>Down</${Button}>`
      }
      <${Button} kind="quiet" label=${`Remove: ${what}`} onClick=${onRemove}>Remove</${Button}>
    </div>
  </li>`;
}
