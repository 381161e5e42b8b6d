// Disconnects an account of the tenant's own.

import { useState } from 'preact/hooks';

import { AccountDisconnect } from '../../generated/operations.js';
import { useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { say } from '../../ui/basic.js';
import { Confirm } from '../../ui/dialog.js';
import { Refused } from '../../ui/refused.js';

/** @param {{ account: { id: string, accountSid: string }, onChanged: () => void, onClose: () => void }} props */
export function DisconnectAccount({ account, onChanged, onClose }) {
  const [disconnect, busy] = useMutation(AccountDisconnect);
  const [changed, setChanged] = useState(/** @type {import('../../lib/hooks.js').Changed<any> | null} */ (null));
  const confirm = async () => {
    const result = await disconnect({ input: { id: account.id } });
    setChanged(result);
    if (!result.ok) return;
    say('The account is disconnected, and its token is deleted here.');
    onChanged();
    onClose();
  };
  return html`<${Confirm} title="Disconnect the account?" action="Disconnect the account" danger busy=${busy} onConfirm=${confirm} onClose=${onClose}
    problem=${html`<${Refused} changed=${changed} />`}>
    <p>The token of <code>${account.accountSid}</code> is deleted here. Nothing is changed at the carrier.</p>
    <p>An account that holds numbers of yours cannot be disconnected: give those numbers back or release them first.</p>
  </${Confirm}>`;
}
