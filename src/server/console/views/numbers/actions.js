// What can be done with a number: assign it, make it the primary one, repair it, release it or give it back, undo the release. Each
// asks first and says what it does.

import { useState } from 'preact/hooks';

import { NumbersCancelRelease, NumbersMakePrimary, NumbersOne, NumbersRepair } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useMutation, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, say } from '../../ui/basic.js';
import { Confirm } from '../../ui/dialog.js';
import { Underway } from '../../ui/progress.js';
import { Refused } from '../../ui/refused.js';
import { Assign } from './assign.js';
import { Release } from './release.js';
import { Restore } from './restore.js';
import { isSettled, isTakenOver } from './words.js';

/** @typedef {Pick<import('../../generated/types').NumberRowFragment, 'id' | 'number' | 'status' | 'monthlyCost' | 'agent' | 'callGroup' | 'primary' | 'origin'>} HeldNumber */
/** @typedef {'assign' | 'primary' | 'release' | 'repair' | 'restore' | 'undo'} Action */
/** @typedef {{ number: HeldNumber, onChanged: () => void, onClose: () => void }} DialogProps */
/** @typedef {{ action: Action, number: HeldNumber }} Opened what a view is asked to open a dialog for */
/** @typedef {import('../../lib/hooks.js').Changed<any>} Changed */

/**
 * The buttons. The view that shows them draws the dialog: a row can leave its list while the dialog is open.
 * @param {{ number: HeldNumber, onOpen: (opened: Opened) => void, kind?: 'plain' | 'quiet' }} props
 */
export function NumberActions({ number, onOpen, kind = 'plain' }) {
  const { status } = number;
  const isHeld = isSettled(number);
  const canBePrimary = status === 'ACTIVE' && number.agent !== null && !number.primary;
  const button = (/** @type {Action} */ action, /** @type {string} */ words) =>
    html`<${Button} kind=${kind} label=${`${words}: ${number.number}`} onClick=${() => onOpen({ action, number })}>${words}</${Button}>`;
  return html`<span class="actions" tabindex="-1">
    ${isHeld && button('assign', kind === 'quiet' ? 'Assign' : 'Assign to…')}
    ${kind === 'plain' && canBePrimary && button('primary', 'Make primary')}
    ${isHeld && button('repair', 'Repair')}
    ${isHeld && (isTakenOver(number) ? button('restore', 'Give back') : button('release', 'Release'))}
    ${status === 'RELEASING' && button('undo', 'Keep it')}
  </span>`;
}

const DIALOGS = {
  assign: Assign,
  primary: MakePrimary,
  release: Release,
  restore: Restore,
  repair: Repair,
  undo: Undo,
};

/**
 * The dialog of an action, until it is closed. It reads its number itself: a list may not have it any more.
 * @param {{ opened: Opened, onChanged: () => void, onClose: () => void }} props `onChanged`: the number may have another state now
 */
export function NumberDialog({ opened: { action, number }, onChanged, onClose }) {
  const read = useQuery(NumbersOne, { id: number.id });
  const changed = () => {
    read.refetch();
    onChanged();
  };
  return html`<${DIALOGS[action]} number=${read.data?.phoneNumber ?? number} onChanged=${changed} onClose=${onClose} />`;
}

/** @param {DialogProps} props */
function Undo({ number, onChanged, onClose }) {
  const [keep, busy] = useMutation(NumbersCancelRelease);
  const [changed, setChanged] = useState(/** @type {Changed | null} */ (null));
  const confirm = async () => {
    const result = await keep({ input: { id: number.id } });
    setChanged(result);
    // Also after a refusal: the number may be released by now.
    onChanged();
    if (!result.ok) return;
    say(`${number.number} is kept.`);
    onClose();
  };
  return html`<${Confirm} title=${`Keep ${number.number}?`} action="Keep the number" busy=${busy} onConfirm=${confirm} onClose=${onClose}
    problem=${html`<${Refused} changed=${changed} />`}>
    <p>The release is cancelled. The number stays yours with its agent and its routing rules, and costs ${money(number.monthlyCost)} a month as before.</p>
  </${Confirm}>`;
}

/** @param {DialogProps} props */
function MakePrimary({ number, onChanged, onClose }) {
  const [choose, busy] = useMutation(NumbersMakePrimary);
  const [changed, setChanged] = useState(/** @type {Changed | null} */ (null));
  const confirm = async () => {
    const result = await choose({ input: { id: number.id } });
    setChanged(result);
    onChanged();
    if (!result.ok) return;
    const agent = result.data?.setPrimaryPhoneNumber?.phoneNumber?.agent?.name ?? 'its agent';
    say(`${number.number} is the primary number of ${agent}.`);
    onClose();
  };
  return html`<${Confirm} title="Make it the primary number?" action="Make it primary" busy=${busy} onConfirm=${confirm} onClose=${onClose}
    problem=${html`<${Refused} changed=${changed} />`}>
    <p>Where one number stands for the agent, as in your other programs, it is ${number.number} from now on.</p>
    <p>Calls do not change: <bdi>${number.agent?.name}</bdi> answers all its numbers.</p>
  </${Confirm}>`;
}

/** @param {DialogProps} props */
function Repair({ number, onChanged, onClose }) {
  const [repair, busy] = useMutation(NumbersRepair);
  const [changed, setChanged] = useState(/** @type {Changed | null} */ (null));
  const payload = changed?.data?.repairPhoneNumber;
  const confirm = async () => {
    const result = await repair({ input: { id: number.id } });
    setChanged(result);
    if (result.data?.repairPhoneNumber?.operation || result.problem) onChanged();
  };
  if (payload?.operation) {
    return html`<${Underway} title=${`Repair ${number.number}`} operationId=${payload.operation.id} onDone=${onChanged} onClose=${onClose}>
      <${Verdict} status=${number.status} state=${payload.operation.state} />
    </${Underway}>`;
  }
  return html`<${Confirm} title=${`Repair ${number.number}?`} action="Repair the number" busy=${busy} onConfirm=${confirm} onClose=${onClose}
    problem=${html`<${Refused} changed=${changed} />`}>
    <p>Compares the number’s settings at the carrier with those that it should have, and corrects them. A number that is in order is not changed.</p>
    <p>Use it if calls do not arrive, or arrive elsewhere. It costs nothing.</p>
  </${Confirm}>`;
}

/** What a repair has found, by the number's state since. @param {{ status: string, state: string }} props */
function Verdict({ status, state }) {
  if (state !== 'SUCCEEDED') return null;
  if (status === 'INACTIVE')
    return html`<${Notice} kind="warning">The carrier no longer has this number, so it cannot take calls. Release it, and buy another one for its agent.</${Notice}>`;
  return html`<${Notice} kind="success">The number is in order. Calls to it arrive.</${Notice}>`;
}
