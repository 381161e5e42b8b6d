// Words about carrier accounts.

import { words } from '../../lib/format.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Badge, Notice } from '../../ui/basic.js';
import { sentence } from '../../ui/progress.js';

/** @typedef {import('../../generated/types').AccountFieldsFragment} Account */

/** @type {Record<string, string>} */
export const KINDS = { SHARED: 'The platform’s account', SUBACCOUNT: 'Your subaccount', OWN: 'Your own account' };

/** @type {Record<string, [string, 'good' | 'bad' | 'warn']>} */
const STATUSES = {
  ACTIVE: ['Active', 'good'],
  SUSPENDED: ['Suspended', 'warn'],
  CLOSED: ['Closed', 'bad'],
  REJECTED: ['Credentials rejected', 'bad'],
};

/** @param {{ value: string }} props */
export function AccountStatus({ value }) {
  const [text, tone] = STATUSES[value] ?? [words(value), 'neutral'];
  return html`<${Badge} tone=${tone}>${text}</${Badge}>`;
}

/** The account as one of several to choose from. @param {Account} account */
export const accountLabel = ({ kind, accountSid }) => `${KINDS[kind] ?? words(kind)} · ${accountSid}`;

/** Which account it is, in a number’s facts. @param {{ account: Account }} props */
export function AccountWords({ account }) {
  const { kind, accountSid, status } = account;
  return html`<a href=${router.href('/numbers/accounts')}>${KINDS[kind] ?? words(kind)}</a> <code>${accountSid}</code>
    ${status !== 'ACTIVE' && html` <${AccountStatus} value=${status} />`}`;
}

/** What calls to a number get while its account is not active. @type {Record<string, string>} */
const TROUBLES = {
  REJECTED:
    'The carrier rejects the credentials of this number’s account. If it is the token, callers hear an apology, or their calls are forwarded, and no agent answers them.',
  SUSPENDED: 'The carrier has suspended this number’s account, so calls may not arrive.',
  CLOSED: 'This number’s account is closed at the carrier, so calls do not arrive.',
};

/** What is wrong with a number’s account; nothing if it is active. @param {{ account: Account }} props */
export function AccountTrouble({ account: { status, detail } }) {
  if (status === 'ACTIVE') return null;
  const open = html`<a class="button" href=${router.href('/numbers/accounts')}>Open the carrier accounts</a>`;
  return html`<${Notice} kind="warning" action=${open}><p>${TROUBLES[status] ?? 'Something is wrong with this number’s carrier account.'}</p>
    ${detail && html`<p>${sentence(detail)}</p>`}</${Notice}>`;
}
