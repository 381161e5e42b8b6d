// Cancels the port of a kept number.

import { useState } from 'preact/hooks';

import { KeptCancelPort } from '../../generated/operations.js';
import { useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { say } from '../../ui/basic.js';
import { Confirm } from '../../ui/dialog.js';
import { Refused } from '../../ui/refused.js';

/** @param {{ kept: { id: string, number: string }, onChanged: () => void, onClose: () => void }} props */
export function CancelPort({ kept, onChanged, onClose }) {
  const [cancel, busy] = useMutation(KeptCancelPort);
  const [changed, setChanged] = useState(/** @type {import('../../lib/hooks.js').Changed<any> | null} */ (null));
  const confirm = async () => {
    const result = await cancel({ input: { keptNumberId: kept.id } });
    setChanged(result);
    onChanged();
    if (!result.ok) return;
    const isOver = result.data?.cancelPort?.keptNumber?.state === 'CANCELED';
    say(
      isOver ? 'The port is canceled.' : 'The carrier is asked to cancel the port: this page says what comes of it.',
      isOver ? 'success' : 'info',
    );
    onClose();
  };
  return html`<${Confirm} title=${`Cancel the port of ${kept.number}?`} action="Cancel the port" danger busy=${busy} onConfirm=${confirm} onClose=${onClose}
    problem=${html`<${Refused} changed=${changed} />`}>
    <p>The number stays at its carrier, and its calls can go on being forwarded. Carriers refuse this shortly before the port date.</p>
    <p>You can request the port again later.</p>
  </${Confirm}>`;
}
