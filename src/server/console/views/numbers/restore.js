// Gives an imported number back: its former settings are put back at the carrier.

import { useState } from 'preact/hooks';

import { NumbersRestore } from '../../generated/operations.js';
import { useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Confirm } from '../../ui/dialog.js';
import { Underway } from '../../ui/progress.js';
import { Refused } from '../../ui/refused.js';

/** @param {import('./actions.js').DialogProps} props */
export function Restore({ number, onChanged, onClose }) {
  const [restore, busy] = useMutation(NumbersRestore);
  const [changed, setChanged] = useState(/** @type {import('../../lib/hooks.js').Changed<any> | null} */ (null));
  const operation = changed?.data?.restorePhoneNumber?.operation;
  const confirm = async () => {
    const result = await restore({ input: { id: number.id } });
    setChanged(result);
    if (result.data?.restorePhoneNumber?.operation || result.problem) onChanged();
  };
  if (operation) {
    return html`<${Underway} title=${`Give back ${number.number}`} operationId=${operation.id} onDone=${onChanged} onClose=${onClose} />`;
  }
  const isHosted = number.origin === 'HOSTED';
  return html`<${Confirm} title=${`Give back ${number.number}?`} action="Put the former settings back" danger busy=${busy} onConfirm=${confirm} onClose=${onClose}
    problem=${html`<${Refused} changed=${changed} />`}>
    <p>What was set on the number before the import is put back at the carrier, at once: its ${isHosted ? 'texts' : 'calls and texts'} go where they went before.</p>
    <p>${!isHosted && 'Until then its calls are answered here. '}The number stays in the carrier account, which goes on paying for it, and its calls stay in the list of calls.</p>
  </${Confirm}>`;
}
