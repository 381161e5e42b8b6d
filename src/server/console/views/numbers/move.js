// Moves a number between the platform's account and the tenant's subaccount at the carrier.

import { useState } from 'preact/hooks';

import { AccountMoveNumber, Accounts } from '../../generated/operations.js';
import { useMutation, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button } from '../../ui/basic.js';
import { Confirm } from '../../ui/dialog.js';
import { Underway } from '../../ui/progress.js';
import { Refused } from '../../ui/refused.js';
import { accountLabel } from '../accounts/words.js';

/** @typedef {import('../accounts/words.js').Account} Account */
/** @typedef {{ id: string, number: string, carrierAccount: Account | null }} HeldNumber */

/** Kinds of accounts between which the carrier moves numbers: those of one parent. */
const RELATED = ['SHARED', 'SUBACCOUNT'];

/** A button, if there is an account to move to. @param {{ number: HeldNumber, onChanged: () => void }} props */
export function MoveButton({ number, onChanged }) {
  const present = number.carrierAccount;
  const isRelated = present !== null && RELATED.includes(present.kind);
  const read = useQuery(Accounts, {}, { pause: !isRelated });
  const [isOpen, setOpen] = useState(false);
  const to = read.data?.carrierAccounts.find(
    ({ id, kind, status }) => RELATED.includes(kind) && status === 'ACTIVE' && id !== present?.id,
  );
  if (!to && !isOpen) return null;
  return html`<${Button} kind="quiet" label="Move the number to another account" onClick=${() => setOpen(true)}>Move…</${Button}>
    ${isOpen && to && html`<${Move} number=${number} to=${to} onChanged=${onChanged} onClose=${() => setOpen(false)} />`}`;
}

/** @param {{ number: HeldNumber, to: Account, onChanged: () => void, onClose: () => void }} props */
function Move({ number, to, onChanged, onClose }) {
  // While the number moves, the account that it moves to becomes its own.
  const [target] = useState(to);
  const [move, busy] = useMutation(AccountMoveNumber);
  const [changed, setChanged] = useState(/** @type {import('../../lib/hooks.js').Changed<any> | null} */ (null));
  const operation = changed?.data?.movePhoneNumber?.operation;
  const confirm = async () => {
    const result = await move({ input: { id: number.id, carrierAccountId: target.id } });
    setChanged(result);
    if (result.data?.movePhoneNumber?.operation || result.problem) onChanged();
  };
  if (operation) {
    return html`<${Underway} title=${`Move ${number.number}`} operationId=${operation.id} onDone=${onChanged} onClose=${onClose} />`;
  }
  return html`<${Confirm} title=${`Move ${number.number}?`} action="Move the number" busy=${busy} onConfirm=${confirm} onClose=${onClose}
    problem=${html`<${Refused} changed=${changed} />`}>
    <p>The number moves to another account at the carrier, which pays for it from then on: <b>${accountLabel(target)}</b>.</p>
    <p>It keeps its settings and its history, and takes calls throughout. To undo it, move it back.</p>
  </${Confirm}>`;
}
