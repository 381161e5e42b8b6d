// One kept number: how far it is, how its calls are forwarded, and its port.

import { useState } from 'preact/hooks';

import { KeptOne } from '../../generated/operations.js';
import * as format from '../../lib/format.js';
import { useEvery, useKeptFocus, useQuery, useTitle } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Button, Copy, Empty, Facts, Loading, Notice, Problem, Section, ViewHead } from '../../ui/basic.js';
import { sentence } from '../../ui/progress.js';
import { CancelPort } from './cancel.js';
import { Forwarding } from './forwarding.js';
import { Line } from './line.js';
import { PortDialog } from './port.js';
import { PortSection } from './port_section.js';
import { KeptState, mayCancel } from './words.js';

/** @typedef {Extract<NonNullable<import('../../generated/types').KeptOneQuery['node']>, { state: unknown }>} KeptNumber */

/** How often the number is read: test calls and carriers change it. Milliseconds. */
const READ_EVERY = 10_000;

/** @param {import('../../app.js').ViewProps} props */
export default function View({ parameters, session }) {
  const id = parameters[0] ?? '';
  const read = useQuery(KeptOne, { id }, { byId: true });
  useEvery(read.refetch, READ_EVERY);
  const node = read.data?.node;
  const kept = node && 'state' in node ? node : null;
  const heading = useTitle(kept?.number ?? 'Kept number');
  const canChange = session.role !== 'AGENT';
  useKeptFocus();
  const [open, setOpen] = useState(/** @type {'port' | 'cancel' | null} */ (null));
  const all = html`<a class="button" href=${router.href('/numbers/kept')}>To the kept numbers</a>`;
  const close = () => setOpen(null);
  return html`
    <${ViewHead} title=${kept?.number ?? 'Kept number'} heading=${heading} back=${{ href: router.href('/numbers/kept'), label: 'Kept numbers' }}>
      ${kept && canChange && mayCancel(kept) && html`<${Button} kind="danger" onClick=${() => setOpen('cancel')}>Cancel the port…</${Button}>`}
    </${ViewHead}>
    <${Problem} read=${read} />
    ${!kept && read.loading && html`<${Loading} />`}
    ${read.data && !kept && html`<${Empty} action=${all}>You keep no such number.</${Empty}>`}
    ${kept && html`<${Details} kept=${kept} canChange=${canChange} onChanged=${read.refetch} onPort=${() => setOpen('port')} />`}
    ${kept && open === 'port' && html`<${PortDialog} kept=${kept} onChanged=${read.refetch} onClose=${close} />`}
    ${kept && open === 'cancel' && html`<${CancelPort} kept=${kept} onChanged=${read.refetch} onClose=${close} />`}`;
}

/** What an end means, and what is to be done. @type {Record<string, ['warning' | 'error' | 'success', string]>} */
const ENDS = {
  REJECTED: ['error', 'The port was rejected.'],
  CANCELED: ['warning', 'The port was canceled, or no number could be bought for it.'],
  EXPIRED: ['warning', 'The port has expired: nobody signed the letter of authorization in time.'],
  DONE: ['success', 'The number is ported, and its calls are answered here.'],
};

/** @param {{ kept: KeptNumber, canChange: boolean, onChanged: () => void, onPort: () => void }} props */
function Details({ kept, canChange, onChanged, onPort }) {
  const end = ENDS[kept.state];
  const { detail, signatureUrl, state } = kept;
  const isToSign = signatureUrl !== null && state === 'WAITING_FOR_SIGNATURE';
  return html`
    ${end && html`<${Notice} kind=${end[0]}><p>${end[1]}${detail && html` ${sentence(detail)}`}</p></${Notice}>`}
    ${!end && detail && html`<${Notice} kind=${state === 'WAITING_FOR_SIGNATURE' ? 'warning' : 'info'} action=${isToSign && html`<${Signature} url=${signatureUrl} />`}>${sentence(detail)}</${Notice}>`}
    <${Section} title="Progress">
      <div class="columns">
        <${Line} state=${state} />
        <${KeptFacts} kept=${kept} />
      </div>
    </${Section}>
    <${Forwarding} kept=${kept} canChange=${canChange} onChanged=${onChanged} />
    ${canChange && html`<${PortSection} kept=${kept} onPort=${onPort} />`}`;
}

/** Where the letter of authorization is signed. The address comes from the carrier. @param {{ url: string }} props */
function Signature({ url }) {
  if (!/^https?:\/\//.test(url)) return null;
  return html`<a class="button primary" href=${url} target="_blank" rel="noopener noreferrer">Open the letter to sign</a>
    <${Copy} text=${url} label="Copy its address" />`;
}

/** @param {{ kept: KeptNumber }} props */
function KeptFacts({ kept: { state, target, agent, portDate, carrierStatus, createdAt, updatedAt } }) {
  return html`<${Facts} items=${[
    ['State', html`<${KeptState} value=${state} />`],
    ['Agent', agent ? html`<a href=${router.href(`/agents/${agent.id}`)}><bdi>${agent.name}</bdi></a>` : format.NONE],
    target && ['Forwarded to', html`<a class="num" href=${router.href(`/numbers/${target.id}`)}>${target.number}</a>`],
    portDate && ['Port date', format.dateTime(portDate)],
    carrierStatus && ['The carrier’s word', html`<code>${carrierStatus}</code>`],
    ['Kept since', format.dateTime(createdAt)],
    ['Changed', format.dateTime(updatedAt)],
  ]} />`;
}
