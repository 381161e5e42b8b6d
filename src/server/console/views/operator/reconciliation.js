// What the last reconciliation found: differences between the providers' inventories and the database.

import { useState } from 'preact/hooks';

import { OperatorReconciliation } from '../../generated/operations.js';
import * as format from '../../lib/format.js';
import { useNow, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Badge, Button, Copy, Empty, Facts, Loading, Notice, Problem, Section } from '../../ui/basic.js';
import { Table } from '../../ui/table.js';

/** Differences that are shown at first, and with every further click. */
const PAGE = 50;

/** @typedef {NonNullable<import('../../generated/types').OperatorReconciliationQuery['reconciliation']>} Report */
/** @typedef {Report['differences'][number]} Difference */
/** @typedef {import('../../ui/words.js').Tone} Tone */

/** @type {Record<string, string>} */
const KINDS = {
  ORPHANED_NUMBER: 'A number that no agent holds',
  UNRECORDED_NUMBER: 'A number that the database does not know',
  FOREIGN_NUMBER: 'A number bought elsewhere',
  MISSING_NUMBER: 'A number the carrier no longer has',
  UNCHECKED_ACCOUNT: 'An account whose numbers were not compared',
  REPLACED_NUMBER: 'A number that was bought again elsewhere',
  CONTESTED_NUMBER: 'A number that another installation claims',
  STALLED_RELEASE: 'A release that nothing continues',
  MISDIRECTED_NUMBER: 'A number whose calls go elsewhere',
  RECOVERED_NUMBER: 'A number that is back',
  ORPHANED_VOICE_AGENT: 'A voice agent nobody uses',
  FOREIGN_VOICE_AGENT: 'A voice agent of another installation',
  MISSING_VOICE_AGENT: 'A voice agent the provider has lost',
};

/** How a repair is told, by the beginning of the API's text; in the order of the list. @type {[string, string, Tone][]} */
const REPAIRS = [
  ['failed: ', 'Failed', 'bad'],
  ['', 'A person must decide', 'warn'],
  ['to do: ', 'To do', 'warn'],
  ['done: ', 'Done', 'good'],
];

/** @param {Difference} difference */
const repairOf = ({ repair }) =>
  REPAIRS.findIndex(([start]) => (start === '' ? !repair : Boolean(repair?.startsWith(start))));

export function Reconciliation() {
  const read = useQuery(OperatorReconciliation, {}, { platform: true });
  const report = read.data?.reconciliation;
  const refresh = html`<${Button} busy=${read.loading} onClick=${read.refetch}>Refresh</${Button}>`;
  return html`<${Section} title="Last reconciliation" actions=${refresh}>
    <${Problem} read=${read} />
    ${!read.data && read.loading && html`<${Loading} />`}
    ${read.data && !report && html`<${Empty}>There was none yet. <code>switchboard reconcile</code> runs one now.</${Empty}>`}
    ${report && html`<${Summary} report=${report} />`}
  </${Section}>
  ${report?.complete && html`<${Differences} differences=${report.differences} />`}`;
}

/** @param {{ report: Report }} props */
function Summary({ report: { startedAt, finishedAt, complete, incompleteReason, monthlyCostAtStake, differences } }) {
  const now = useNow(5000);
  const took = finishedAt ? (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000 : null;
  const open = differences.filter(({ repair }) => !repair?.startsWith('done: ')).length;
  return html`
    ${
      !complete &&
      html`<${Notice} kind="warning"><p>Nothing was compared: the providers’ lists were incomplete. There may be differences.</p>
      ${incompleteReason && html`<p><bdi>${incompleteReason}</bdi></p>`}</${Notice}>`
    }
    <${Facts} items=${[
      ['Ended', finishedAt ? `${format.dateTime(finishedAt)} (${format.ago(finishedAt, now)})` : 'Not yet'],
      ['Took', took !== null && took < 1 ? 'Less than a second' : format.duration(took)],
      [
        'Providers’ lists',
        html`<${Badge} tone=${complete ? 'good' : 'warn'}>${complete ? 'Complete' : 'Incomplete'}</${Badge}>`,
      ],
      complete && ['Differences', `${format.number(differences.length)}, of which ${format.number(open)} remain`],
      complete && ['At stake', `${format.money(monthlyCostAtStake)} a month`],
    ]} />
    ${complete && Number(monthlyCostAtStake) > 0 && html`<p class="hint">At stake is the price of numbers that are useless until their differences are corrected.</p>`}`;
}

/** @param {{ differences: Difference[] }} props */
function Differences({ differences }) {
  const [count, setCount] = useState(PAGE);
  const sorted = differences.toSorted((a, b) => repairOf(a) - repairOf(b));
  /** @type {import('../../ui/table.js').Column<Difference>[]} */
  const columns = [
    {
      label: 'What',
      isHead: true,
      cell: ({ kind }) =>
        html`<span>${KINDS[kind] ?? format.words(kind)} <code class="hint block">${kind}</code></span>`,
    },
    { label: 'Number or id', cell: (difference) => html`<${Subject} difference=${difference} />` },
    { label: 'Detail', cell: ({ detail }) => html`<bdi>${detail}</bdi>` },
    { label: 'Repair', cell: (difference) => html`<${Repair} difference=${difference} />` },
  ];
  const key = (/** @type {Difference} */ { kind, number, sid, detail }) => [kind, number, sid, detail].join();
  return html`<${Section} title="Differences">
    ${differences.length === 0 && html`<${Empty}>None: both providers have exactly what the database says.</${Empty}>`}
    ${
      differences.length > 0 &&
      html`<p class="hint"><code>switchboard reconcile --fix</code> does what is to do. What a person must decide is explained in the operator’s handbook.</p>
      <${Table} caption="Differences, those that remain first" columns=${columns} rows=${sorted.slice(0, count)} rowKey=${key} />`
    }
    ${
      differences.length > count &&
      html`<div class="pager"><${Button} onClick=${() => setCount(count + PAGE)}>Show more</${Button}>
      <span class="total">${format.number(count)} of ${format.number(differences.length)}</span></div>`
    }
  </${Section}>`;
}

/** @param {{ difference: Difference }} props */
function Subject({ difference: { number, sid } }) {
  if (!number && !sid) return format.NONE;
  return html`<span>${number && html`<span class="block">${number}</span>`}${sid && html`<code>${sid}</code> <${Copy} text=${sid} />`}</span>`;
}

/** @param {{ difference: Difference }} props */
function Repair({ difference }) {
  const [start, label, tone] = REPAIRS[repairOf(difference)] ?? ['', 'Unknown', 'neutral'];
  const text = difference.repair?.slice(start.length) ?? '';
  return html`<span><${Badge} tone=${tone}>${label}</${Badge}> ${text}</span>`;
}
