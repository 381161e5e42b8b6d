// Connects an account of the tenant's own, or replaces its token. The token is sent once and never shown again.

import { AccountConnect } from '../../generated/operations.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { FormErrors, TextField } from '../../ui/form.js';
import { inSentences } from '../../ui/progress.js';

/** @param {{ account: { accountSid: string } | null, onConnected: () => void, onClose: () => void }} props `account`: whose token is replaced; null for a new one */
export function ConnectAccount({ account, onConnected, onClose }) {
  const form = useForm({ accountSid: account?.accountSid ?? '', authToken: '' });
  const [connect, busy] = useMutation(AccountConnect);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const { accountSid, authToken } = form.values;
    const result = await connect({ input: { accountSid: accountSid.trim(), authToken: authToken.trim() } });
    form.settle(inSentences(result));
    if (!result.ok) return;
    form.reset({ accountSid: '', authToken: '' });
    say(account ? 'The token is replaced.' : 'The account is connected.');
    onConnected();
    onClose();
  };
  return html`<${Dialog} title=${account ? 'Replace the token' : 'Connect your own account'} onClose=${busy ? undefined : onClose}>
    <form onSubmit=${submit} novalidate>
      ${
        account
          ? html`<p>The carrier is asked whether the new token is right. The one before is accepted for another day, so that no call is lost.</p>`
          : html`<p>From then on the numbers that you buy are bought in this account and billed to it. Numbers that you have stay where they are.</p>`
      }
      <${TextField} form=${form} name="accountSid" label="Account SID" required maxlength="34" spellcheck=${false} readonly=${account !== null} hint="AC and 32 digits or letters, on the first page of the Twilio console" />
      <${TextField} form=${form} name="authToken" label="Auth token" type="password" required maxlength="256" autocomplete="off" hint="The account’s primary auth token, next to the SID" />
      <${Notice}>The token is checked at the carrier and stored encrypted. It is never shown again, to nobody.</${Notice}>
      <${FormErrors} form=${form} fields=${['accountSid', 'authToken']} />
      <div class="actions end">
        <${Button} onClick=${onClose} disabled=${busy}>Cancel</${Button}>
        <${Button} type="submit" kind="primary" busy=${busy}>${account ? 'Replace the token' : 'Connect the account'}</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}
