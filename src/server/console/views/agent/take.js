// Gives the agent a number from the pool.

import { useState } from 'preact/hooks';

import { money } from '../../lib/format.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Button, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { fault, unsent } from '../../ui/form.js';
import { Refused } from '../../ui/refused.js';
import { State } from '../../ui/words.js';
import { useAssignment } from '../numbers/use_assignment.js';

/** @typedef {import('../../generated/types').AgentPoolQuery['phoneNumbers']['nodes'][number]} FreeNumber */
/** @typedef {import('../numbers/use_assignment.js').Changed} Changed */

/**
 * @param {{ agent: Pick<import('../agent.js').Agent, 'id' | 'name'>, numbers: FreeNumber[], hasMore: boolean, onChanged: () => void, onClose: () => void }} props
 *   `hasMore`: whether the pool has more than these numbers
 */
export function TakeDialog({ agent, numbers, hasMore, onChanged, onClose }) {
  const [chosenId, choose] = useState(numbers.length === 1 ? numbers[0]?.id : undefined);
  const [changed, setChanged] = useState(/** @type {Changed | null} */ (null));
  const [assign, busy] = useAssignment();
  const chosen = numbers.find(({ id }) => id === chosenId);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    if (!chosen) return setChanged(unsent(fault(null, 'Choose the number that the agent gets.')));
    const result = await assign(chosen, { to: agent.id });
    setChanged(result);
    // Also after a refusal: the number may not be in the pool any more.
    onChanged();
    if (!result.ok) return undefined;
    say(`The next call to ${chosen.number} goes to ${agent.name}.`);
    return onClose();
  };

  return html`<${Dialog} title="Take a number from the pool" onClose=${busy ? undefined : onClose}>
    <form onSubmit=${submit} novalidate>
      <p><bdi>${agent.name}</bdi> answers from the next call and text on. The number keeps its label and its routing rules, and costs as before.</p>
      ${numbers.length === 0 && html`<p>No number in the pool can be taken any more.</p>`}
      ${
        numbers.length > 0 &&
        html`<fieldset><legend>Number</legend><div class="radios scroll">${numbers.map(
          (number) => html`<label key=${number.id}>
            <input type="radio" name="free-number" value=${number.id} checked=${number.id === chosenId} onChange=${() => choose(number.id)} />
            <span><b class="phone">${number.number}</b> ${number.label && html`<bdi class="label">${number.label}</bdi>`}
              ${number.status !== 'ACTIVE' && html` <${State} value=${number.status} />`} <span class="muted">${money(number.monthlyCost)} a month</span></span>
          </label>`,
        )}</div></fieldset>`
      }
      ${hasMore && html`<p class="hint">These are the newest. <a href=${router.href('/numbers?pool=1')}>All numbers in the pool</a></p>`}
      <${Refused} changed=${changed} />
      <div class="actions end">
        <${Button} onClick=${onClose} disabled=${busy}>Cancel</${Button}>
        <${Button} type="submit" kind="primary" busy=${busy} disabled=${numbers.length === 0}>Take the number</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}
