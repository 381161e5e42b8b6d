// Releases a number, after the person has typed its last digits.

import { useState } from 'preact/hooks';

import { NumbersRelease } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { Field } from '../../ui/form.js';
import { Underway } from '../../ui/progress.js';
import { Refused } from '../../ui/refused.js';

/** @typedef {import('./actions.js').DialogProps} DialogProps */
/** @typedef {import('../../lib/hooks.js').Changed<any>} Changed */

/** @param {DialogProps} props */
export function Release({ number, onChanged, onClose }) {
  const [release, busy] = useMutation(NumbersRelease);
  const [changed, setChanged] = useState(/** @type {Changed | null} */ (null));
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState('');
  const [clears, setClears] = useState(false);
  const [running, setRunning] = useState(/** @type {string | null} */ (null));
  const last = number.number.slice(-4);
  const isBoughtHere = number.origin === 'PURCHASED' || number.origin === 'STOCK';

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    if (typed.trim() !== last) return setProblem(`Type ${last}, the last 4 digits of the number you want to release.`);
    setProblem('');
    const result = await release({ input: { id: number.id, clearEmergencyAddress: clears } });
    setChanged(result);
    const payload = result.data?.releasePhoneNumber;
    if (payload?.operation || result.problem) onChanged();
    if (!result.ok || !payload?.operation) return undefined;
    // With a grace period it waits for that.
    if (payload.operation.state !== 'SUCCEEDED') return setRunning(payload.operation.id);
    say(`${number.number} is released.`);
    return onClose();
  };

  if (running) {
    return html`<${Underway} title=${`Release ${number.number}`} operationId=${running} onDone=${onChanged} onClose=${onClose} />`;
  }
  return html`<${Dialog} title=${`Release ${number.number}?`} onClose=${onClose}>
    <form onSubmit=${submit} novalidate>
      <ul class="plain">
        ${
          isBoughtHere
            ? html`<li>The number goes back to the carrier, and you no longer pay ${money(number.monthlyCost)} a month for it.</li>
        <li>Callers then hear from the telephone company that the number is not in service. Nobody answers them, and they are not forwarded.</li>`
            : html`<li>The number was not bought here, so it is not deleted at the carrier: it stays in the carrier account, which goes on paying for it.</li>
        <li>No agent answers its calls any more.</li>`
        }
        <li>If your operator has set a grace period, the number takes calls until it ends, and “Keep it” undoes the release. Otherwise it is released at once.</li>
        <li>${isBoughtHere && 'You may not get the number back: the carrier can give it to somebody else. '}Its calls stay in the list of calls.</li>
      </ul>
      <label class="sure"><input type="checkbox" checked=${clears}
        onChange=${(/** @type {Event} */ event) => setClears(/** @type {HTMLInputElement} */ (event.currentTarget).checked)} />
        <span>If an emergency address is registered for the number, remove it first. ${isBoughtHere ? 'This takes minutes; without it such a number is not released.' : 'Without that, the carrier goes on charging for it.'}</span></label>
      <${Field} label=${`To confirm, type the last 4 digits of the number: ${last}`} required errors=${problem ? [{ message: problem }] : []}>
        ${(
          /** @type {object} */ props,
        ) => html`<input ...${props} type="text" inputmode="numeric" autocomplete="off" maxlength="8" value=${typed}
          onInput=${(/** @type {Event} */ event) => setTyped(/** @type {HTMLInputElement} */ (event.currentTarget).value)} />`}
      </${Field}>
      <${Refused} changed=${changed} />
      <div class="actions end">
        <${Button} onClick=${onClose}>Cancel</${Button}>
        <${Button} type="submit" kind="danger" busy=${busy}>Release the number</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}
