// Connects an account of the tenant's own, or replaces its credentials. They are sent once and never shown again.

import { AccountConnect } from '../../generated/operations.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { FormErrors, TextField } from '../../ui/form.js';
import { inSentences } from '../../ui/progress.js';

/** @param {{ account: { accountSid: string, apiKeySid?: string | null } | null, onConnected: () => void, onClose: () => void }} props `account`: whose credentials are replaced; null for a new one */
export function ConnectAccount({ account, onConnected, onClose }) {
  // An account that has a key starts with its SID: left as it is, the missing secret is asked for, and the key is not lost by accident.
  const form = useForm({
    accountSid: account?.accountSid ?? '',
    authToken: '',
    apiKeySid: account?.apiKeySid ?? '',
    apiKeySecret: '',
  });
  const [connect, busy] = useMutation(AccountConnect);
  const isKeyAtFault = form.errorsOf('apiKeySid').length + form.errorsOf('apiKeySecret').length > 0;
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const { accountSid, authToken, apiKeySid, apiKeySecret } = form.values;
    const key = { apiKeySid: apiKeySid.trim() || null, apiKeySecret: apiKeySecret.trim() || null };
    const result = await connect({ input: { accountSid: accountSid.trim(), authToken: authToken.trim(), ...key } });
    form.settle(inSentences(result));
    if (!result.ok) return;
    form.reset({ accountSid: '', authToken: '', apiKeySid: '', apiKeySecret: '' });
    say(account ? 'The credentials are replaced.' : 'The account is connected.');
    onConnected();
    onClose();
  };
  return html`<${Dialog} title=${account ? 'Replace the credentials' : 'Connect your own account'} onClose=${busy ? undefined : onClose}>
    <form onSubmit=${submit} novalidate>
      ${
        account
          ? html`<p>The carrier is asked whether the new credentials are right. The token before is accepted for another day, so that no call is lost.</p>`
          : html`<p>From then on the numbers that you buy are bought in this account and billed to it. Numbers that you have stay where they are.</p>`
      }
      <${TextField} form=${form} name="accountSid" label="Account SID" required maxlength="34" spellcheck=${false} readonly=${account !== null} hint="AC and 32 digits or letters, on the first page of the Twilio console" />
      <${TextField} form=${form} name="authToken" label="Auth token" type="password" required maxlength="256" autocomplete="off" hint="The account’s primary auth token, next to the SID" />
      <details open=${account?.apiKeySid || isKeyAtFault ? true : undefined}><summary>Use an API key for requests</summary>
        <p class="hint">The token then only verifies webhooks. Without a key, the token is used for requests too. Empty both fields to remove a key.</p>
        <${TextField} form=${form} name="apiKeySid" label="API key SID" maxlength="34" spellcheck=${false} hint="SK and 32 digits or letters" />
        <${TextField} form=${form} name="apiKeySecret" label="API key secret" type="password" maxlength="256" autocomplete="off" hint="Shown once, when the key was created" />
      </details>
      <${Notice}>The credentials are checked at the carrier and stored encrypted. The token and the secret are never shown again.</${Notice}>
      <${FormErrors} form=${form} fields=${['accountSid', 'authToken', 'apiKeySid', 'apiKeySecret']} />
      <div class="actions end">
        <${Button} onClick=${onClose} disabled=${busy}>Cancel</${Button}>
        <${Button} type="submit" kind="primary" busy=${busy}>${account ? 'Replace the credentials' : 'Connect the account'}</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}
