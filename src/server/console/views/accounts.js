// The accounts at the carrier that hold the tenant's numbers: which there are, and connecting an own one.

import { useState } from 'preact/hooks';

import { Accounts } from '../generated/operations.js';
import * as format from '../lib/format.js';
import { useEvery, useKeptFocus, useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Button, Empty, Loading, Problem, Section, ViewHead } from '../ui/basic.js';
import { sentence } from '../ui/progress.js';
import { Table } from '../ui/table.js';
import { ConnectAccount } from './accounts/connect.js';
import { DisconnectAccount } from './accounts/disconnect.js';
import { AccountStatus, KINDS } from './accounts/words.js';
import { NOT_FOR_AGENTS, Tabs } from './numbers/tabs.js';

/** @typedef {import('../generated/types').AccountsQuery['carrierAccounts'][number]} Account */

/** How often the accounts are read: the carrier may reject one at any time. Milliseconds. */
const READ_EVERY = 30_000;

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Carrier accounts');
  const canChange = session.role !== 'AGENT';
  useKeptFocus();
  const read = useQuery(Accounts, {}, { pause: !canChange });
  useEvery(read.refetch, READ_EVERY);
  const [open, setOpen] = useState(/** @type {{ what: 'connect' | 'disconnect', account?: Account } | null} */ (null));
  const accounts = read.data?.carrierAccounts;
  const close = () => setOpen(null);
  return html`
    <${ViewHead} title="Carrier accounts" heading=${heading}>
      ${canChange && html`<${Button} kind="primary" onClick=${() => setOpen({ what: 'connect' })}>Connect your own account</${Button}>`}
    </${ViewHead}>
    <${Tabs} canChange=${canChange} />
    ${!canChange && html`<${Empty}>${NOT_FOR_AGENTS}</${Empty}>`}
    ${
      canChange &&
      html`<${Section} title="Accounts that can hold your numbers">
      <p class="hint">A number is held and billed in one account at the carrier. With an account of your own you can import its numbers, and new ones are bought in it.</p>
      <${Problem} read=${read} />
      ${!accounts && read.loading && html`<${Loading} />`}
      ${accounts && html`<${List} rows=${accounts} busy=${read.loading} onOpen=${setOpen} />`}
      ${accounts?.some(({ kind }) => kind === 'OWN') && html`<div class="actions"><a class="button" href=${router.href('/numbers/import')}>Import a number</a></div>`}
    </${Section}>`
    }
    ${open?.what === 'connect' && html`<${ConnectAccount} account=${open.account ?? null} onConnected=${read.refetch} onClose=${close} />`}
    ${open?.what === 'disconnect' && open.account && html`<${DisconnectAccount} account=${open.account} onChanged=${read.refetch} onClose=${close} />`}`;
}

/** @param {{ rows: Account[], busy: boolean, onOpen: (open: { what: 'connect' | 'disconnect', account: Account }) => void }} props */
function List({ rows, busy, onOpen }) {
  /** @type {import('../ui/table.js').Column<Account>[]} */
  const columns = [
    { label: 'Account', isHead: true, cell: ({ kind }) => KINDS[kind] ?? format.words(kind) },
    {
      label: 'SID',
      cell: ({ accountSid, apiKeySid }) =>
        html`<span><code>${accountSid}</code>${apiKeySid && html` <span class="hint block">requests by the API key <code>${apiKeySid}</code></span>`}</span>`,
    },
    {
      label: 'State',
      cell: ({ status, detail }) =>
        html`<span><${AccountStatus} value=${status} />${detail && html` <span class="hint block">${sentence(detail)}</span>`}</span>`,
    },
    { label: 'Since', cell: ({ createdAt }) => format.date(createdAt) },
    {
      label: 'Actions',
      cell: (account) =>
        account.kind === 'OWN' &&
        html`<span class="actions">
        <${Button} kind="quiet" label=${`Replace the credentials: ${account.accountSid}`} onClick=${() => onOpen({ what: 'connect', account })}>Replace the credentials</${Button}>
        <${Button} kind="quiet" label=${`Disconnect: ${account.accountSid}`} onClick=${() => onOpen({ what: 'disconnect', account })}>Disconnect</${Button}>
      </span>`,
    },
  ];
  return html`<${Table} caption="Carrier accounts" columns=${columns} rows=${rows} rowKey=${(/** @type {Account} */ { id }) => id} busy=${busy} />`;
}
