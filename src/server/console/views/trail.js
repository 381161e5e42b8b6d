// Who changed what: the tenant's audit trail.

import { Trail, TrailSubjects } from '../generated/operations.js';
import * as format from '../lib/format.js';
import { useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Badge, Button, Empty, Loading, Problem, ViewHead } from '../ui/basic.js';
import { Copy } from '../ui/basic.js';
import { Filter } from '../ui/form.js';
import { pageArguments, Pager, Table } from '../ui/table.js';

const PAGE = 50;

/** The words of the actions that the server writes; others, such as an operator's queries, are shown as they are. @type {Record<string, string>} */
const ACTIONS = {
  createAgent: 'Create an agent',
  updateAgent: 'Change an agent',
  deleteAgent: 'Delete an agent',
  rotateAgentToken: 'Replace an agent’s token',
  provisionPhoneNumber: 'Buy a number',
  releasePhoneNumber: 'Release a number',
  cancelRelease: 'Keep a number that was to be released',
  repairPhoneNumber: 'Repair a number',
  importPhoneNumber: 'Import a number',
  restorePhoneNumber: 'Restore a number’s former settings',
  movePhoneNumber: 'Move a number to another account',
  keepPhoneNumber: 'Keep a number of another carrier',
  announceTestCall: 'Announce a test call',
  verifyKeptNumber: 'Receive a forwarded call',
  requestPort: 'Request a port',
  cancelPort: 'Cancel a port',
  connectCarrierAccount: 'Connect a carrier account',
  disconnectCarrierAccount: 'Disconnect a carrier account',
  createCarrierAccount: 'Create a carrier account',
  setRoutingRules: 'Change routing rules',
  assignPhoneNumber: 'Assign a number',
  setPrimaryPhoneNumber: 'Choose the primary number',
  createCallGroup: 'Create a call group',
  updateCallGroup: 'Change a call group',
  deleteCallGroup: 'Delete a call group',
  sendMessage: 'Send a text message',
  setThreadHandling: 'Say who answers a thread',
  setMessagingConsent: 'Change consent to texts',
  setTenantPlan: 'Change the plan',
  checkPhoneNumber: 'Check a number',
  restoreVoiceAgent: 'Restore a voice agent',
  releaseOrphanedNumber: 'Release a number nobody uses',
  deleteOrphanedVoiceAgent: 'Delete a voice agent nobody uses',
};

/** Filters by outcome, and their words. @type {[import('../generated/types').AuditEventOutcome, string][]} */
const OUTCOMES = [
  ['SUCCEEDED', 'Succeeded'],
  ['ACCEPTED', 'Requested'],
  ['FAILED', 'Failed'],
];

/** @typedef {import('../generated/types').TrailQuery['auditEvents']['nodes'][number]} Event */

export default function View() {
  const heading = useTitle('Trail');
  const { params } = router.address.value;
  const filter = {
    action: params.get('action') || undefined,
    subject: params.get('subject') || undefined,
    outcome: OUTCOMES.find(([value]) => value === params.get('outcome'))?.[0],
    recordedAfter: format.localDay(params.get('from'), 0),
    recordedBefore: format.localDay(params.get('to'), 1),
  };
  const read = useQuery(Trail, { ...pageArguments(params, PAGE), filter });
  const events = read.data?.auditEvents.nodes ?? [];
  const subjects = useSubjects(events);
  const set = (/** @type {Record<string, string | null>} */ changes) =>
    router.setParams({ ...changes, after: null, before: null });
  return html`
    <${ViewHead} title="Trail" heading=${heading} />
    <p class="hint">Every change, who asked for it and how it ended, and every time an operator looked. Entries cannot be changed.</p>
    <div class="filters">
      <${Filter} label="Action" value=${params.get('action') ?? ''} options=${[['', 'All'], ...Object.entries(ACTIONS)]} onChange=${(/** @type {string} */ action) => set({ action })} />
      <${Filter} label="Outcome" value=${params.get('outcome') ?? ''} options=${[['', 'All'], ...OUTCOMES]} onChange=${(/** @type {string} */ outcome) => set({ outcome })} />
      <${Filter} label="From" type="date" value=${params.get('from') ?? ''} onChange=${(/** @type {string} */ from) => set({ from })} />
      <${Filter} label="To" type="date" value=${params.get('to') ?? ''} onChange=${(/** @type {string} */ to) => set({ to })} />
      ${params.get('subject') && html`<${Button} onClick=${() => set({ subject: null })}>Of all objects</${Button}>`}
    </div>
    <${Problem} read=${read} />
    ${!read.data && read.loading && html`<${Loading} />`}
    ${read.data && events.length === 0 && html`<${Empty}>Nothing is recorded that matches.</${Empty}>`}
    ${
      events.length > 0 &&
      html`<div class="card"><${Table} caption="Audit trail, newest first" columns=${columns(subjects)} rows=${events} rowKey=${(/** @type {Event} */ { id }) => id} busy=${read.loading} />
      <${Pager} pageInfo=${read.data?.auditEvents.pageInfo} busy=${read.loading} onPage=${(/** @type {{ after?: string, before?: string }} */ page) => router.setParams({ after: null, before: null, ...page })} /></div>`
    }`;
}

/**
 * @param {Map<string, { href: string, name: string }>} subjects
 * @returns {import('../ui/table.js').Column<Event>[]}
 */
function columns(subjects) {
  return [
    { label: 'When', isHead: true, cell: ({ at }) => format.dateTime(at) },
    { label: 'Who', cell: ({ actor }) => html`<bdi class="nowrap">${actorWords(actor)}</bdi>` },
    { label: 'What', cell: ({ action }) => ACTIONS[action] ?? html`<code>${action}</code>` },
    { label: 'Of', cell: ({ subject }) => html`<${Subject} id=${subject} known=${subjects.get(subject ?? '')} />` },
    { label: 'Outcome', cell: ({ outcome }) => html`<${OutcomeBadge} outcome=${outcome} />` },
    {
      label: 'Request',
      cell: ({ requestId }) =>
        html`<span class="nowrap"><code title=${requestId}>${requestId.slice(0, 8)}</code><${Copy} text=${requestId} /></span>`,
    },
  ];
}

/** @param {{ id: string | null, known: { href: string, name: string } | undefined }} props */
function Subject({ id, known }) {
  if (id === null) return format.NONE;
  if (known) return html`<a href=${router.href(known.href)}><bdi>${known.name}</bdi></a>`;
  return html`<span class="nowrap"><code title=${id}>${id.slice(0, 14)}…</code><${Copy} text=${id} /></span>`;
}

/** @param {{ outcome: string }} props */
function OutcomeBadge({ outcome }) {
  if (outcome === 'succeeded') return html`<${Badge} tone="good">Succeeded</${Badge}>`;
  if (outcome === 'accepted') return html`<${Badge}>Requested</${Badge}>`;
  if (outcome.startsWith('failed'))
    return html`<${Badge} tone="bad">Failed</${Badge}> ${format.words(outcome.replace(/^failed: ?/, ''))}`;
  return outcome;
}

/** @param {string} actor `tenant:<id>`, `operator:<id>` or `system` */
function actorWords(actor) {
  const [kind, id] = actor.split(':');
  if (kind === 'system') return 'Switchboard';
  return kind === 'operator' ? `Operator ${id?.slice(0, 8) ?? ''}` : 'You';
}

/**
 * The objects among the subjects that have a page, with their names. One question for the whole page.
 * @param {Event[]} events
 */
function useSubjects(events) {
  const ids = [...new Set(events.map(({ subject }) => subject ?? '').filter(Boolean))];
  const { data } = useQuery(TrailSubjects, { ids }, { pause: ids.length === 0 });
  /** @type {Map<string, { href: string, name: string }>} */
  const found = new Map();
  for (const node of data?.nodes ?? []) {
    if (node?.__typename === 'Agent') found.set(node.id, { href: `/agents/${node.id}`, name: node.name });
    if (node?.__typename === 'PhoneNumber') found.set(node.id, { href: `/numbers/${node.id}`, name: node.number });
    if (node?.__typename === 'CallGroup') found.set(node.id, { href: `/numbers/groups/${node.id}`, name: node.name });
    if (node?.__typename === 'KeptNumber') found.set(node.id, { href: `/numbers/kept/${node.id}`, name: node.number });
    if (node?.__typename === 'CarrierAccount') found.set(node.id, { href: '/numbers/accounts', name: node.accountSid });
  }
  return found;
}
