// Health of the server that answers: its database, providers, journal and workers.

import { OperatorUnreadableRows } from '../../generated/operations.js';
import * as format from '../../lib/format.js';
import { useNow, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Button, Copy, Empty, Loading, Notice, Problem, Section } from '../../ui/basic.js';
import { Table } from '../../ui/table.js';
import { State } from '../../ui/words.js';

/** @typedef {import('../../generated/types').OperatorHealthQuery['health']} Report */
/** @typedef {Report['components'][number]} Component */
/** @typedef {import('../../generated/types').OperatorUnreadableRowsQuery['unreadableRows'][number]} Row */

const WORKER = 'worker_';
const SEVERITY = ['DOWN', 'DEGRADED', 'OK'];

/** Names and what the components do. @type {Record<string, [string, string]>} */
const COMPONENTS = {
  database: ['Database', 'While it is down, calls are answered from memory and nothing can be changed.'],
  carrier: ['Carrier', 'Buys, changes and releases numbers.'],
  carrier_prices: ['Carrier’s prices', 'The price list, for estimates.'],
  carrier_senders: ['Carrier’s senders', 'Registrations for text messages.'],
  carrier_ports: ['Carrier’s ports', 'Numbers that are ported from other carriers.'],
  carrier_media: ['Carrier’s files', 'Files of incoming messages.'],
  voice_agents: ['Voice provider: agents', 'Creates, changes and deletes voice agents.'],
  voice_calls: ['Voice provider: calls', 'Connects callers to voice agents.'],
  voice_conversations: ['Voice provider: conversations', 'Transcripts of calls.'],
  voice_texts: ['Voice provider: texts', 'Answers to text messages.'],
  voice_tools: ['Voice provider: tools', 'The tool by which agents end texts.'],
  carrier_requests: ['Requests to the carrier', 'How many are in progress at once.'],
  journal: ['Journal', 'Keeps records of calls while the database is down.'],
  reconciliation: ['Reconciliation', 'Compares what the providers have with the database.'],
};

/** @param {string} name */
const nameOf = (name) =>
  COMPONENTS[name]?.[0] ??
  (name.startsWith(WORKER) ? `Worker: ${format.words(name.slice(WORKER.length)).toLowerCase()}` : format.words(name));

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** @param {Component} component */
const isWell = ({ status }) => status === 'OK';

/**
 * One line that is there in every part of the view.
 * @param {{ health: Report | undefined, isShown: boolean }} props `isShown`: the whole report is on the page
 */
export function HealthSummary({ health, isShown }) {
  const ailing = (health?.components ?? []).filter((component) => !isWell(component));
  const isDown = health?.status === 'DOWN';
  const details = html`<a class="button" href=${`${router.href('/operator')}?part=health`}>Show health</a>`;
  // The region stays, so that a change is read out.
  return html`<div role="status">
    ${health && ailing.length === 0 && html`<div class="notice success"><div>Everything works.</div></div>`}
    ${
      ailing.length > 0 &&
      html`<div class=${`notice ${isDown ? 'error' : 'warning'}`}><div>${isDown ? 'The database is down' : 'Something needs attention'}:${' '}
      ${ailing.map(({ name }) => nameOf(name)).join(', ')}.</div>${!isShown && details}</div>`
    }
  </div>`;
}

/** @param {{ health: import('../../lib/hooks.js').Read<import('../../generated/types').OperatorHealthQuery> }} props */
export function Health({ health }) {
  const report = health.data?.health;
  if (!report) return html`${health.loading && html`<${Loading} />`}<${UnreadableRows} />`;
  const sorted = report.components.toSorted((a, b) => SEVERITY.indexOf(a.status) - SEVERITY.indexOf(b.status));
  const isQuiet = (/** @type {Component} */ component) => component.name.startsWith(WORKER) && isWell(component);
  const workers = sorted.filter(isQuiet);
  return html`
    <${Section} title="Components" actions=${html`<${Button} busy=${health.loading} onClick=${health.refetch}>Refresh</${Button}>`}>
      <p class="hint">The server that answered. If several are running, the others may see other states. Read again every 15 seconds.</p>
      <${Components} caption="Components and their health" rows=${sorted.filter((component) => !isQuiet(component))} />
      ${
        workers.length > 0 &&
        html`<details><summary>${workers.length === 1 ? 'One worker runs' : `${format.number(workers.length)} workers run`} as they should</summary>
        <${Components} caption="Workers" rows=${workers} /></details>`
      }
    </${Section}>
    <${UnreadableRows} />`;
}

/** @param {{ caption: string, rows: Component[] }} props */
function Components({ caption, rows }) {
  const now = useNow(5000);
  /** @type {import('../../ui/table.js').Column<Component>[]} */
  const columns = [
    {
      label: 'Component',
      isHead: true,
      cell: ({ name }) =>
        html`<span><span class="title">${nameOf(name)}</span>${COMPONENTS[name] && html`<span class="hint block">${COMPONENTS[name][1]}</span>`}</span>`,
    },
    { label: 'State', cell: ({ status }) => html`<${State} value=${status} />` },
    { label: 'Detail', cell: (component) => html`<${Detail} component=${component} />` },
    { label: 'Since', cell: (component) => html`<${Since} component=${component} now=${now} />` },
  ];
  return html`<${Table} caption=${caption} columns=${columns} rows=${rows} rowKey=${(/** @type {Component} */ { name }) => name} />`;
}

/** @param {{ component: Component }} props */
function Detail({ component }) {
  if (!component.detail) return format.NONE;
  const report = component.name === 'reconciliation' && `${router.href('/operator')}?part=reconciliation`;
  return html`<span>${capital(component.detail)}${report && html` <a href=${report}>Show the report</a>`}</span>`;
}

/**
 * What the time of a component means depends on the component.
 * @param {{ component: Component, now: number }} props
 */
function Since({ component: { name, since }, now }) {
  if (!since) return format.NONE;
  const ago = format.ago(since, now);
  const text = name.startsWith(WORKER) ? `Last sign ${ago}` : name === 'reconciliation' ? `Ended ${ago}` : ago;
  return html`<time datetime=${since} title=${format.dateTime(since)}>${text}</time>`;
}

/** Rows of the database that this server cannot read. */
function UnreadableRows() {
  const read = useQuery(OperatorUnreadableRows, {}, { platform: true });
  const rows = read.data?.unreadableRows ?? [];
  /** @type {import('../../ui/table.js').Column<Row>[]} */
  const columns = [
    { label: 'Table', isHead: true, cell: ({ table }) => html`<code>${table}</code>` },
    {
      label: 'Row',
      cell: ({ rowId }) =>
        rowId ? html`<span><code>${rowId}</code> <${Copy} text=${rowId} /></span>` : 'Its id is unreadable, too',
    },
    { label: 'Column', cell: ({ column }) => (column ? html`<code>${column}</code>` : 'Unknown') },
    { label: 'First failure', cell: ({ firstMetAt }) => format.dateTime(firstMetAt) },
    { label: 'Last failure', cell: ({ lastMetAt }) => format.dateTime(lastMetAt) },
  ];
  const refresh = html`<${Button} busy=${read.loading} onClick=${read.refetch}>Refresh</${Button}>`;
  return html`<${Section} title="Unreadable rows" actions=${refresh}>
    <${Problem} read=${read} />
    ${read.data && rows.length === 0 && html`<${Empty}>This server can read every row it has met.</${Empty}>`}
    ${
      rows.length > 0 &&
      html`<${Notice} kind="warning">This server cannot read these rows of the database: a newer version wrote them, or they are damaged. Their work waits; all
      other work continues. Upgrade this server, or repair the rows.</${Notice}>
      <${Table} caption="Unreadable rows, latest failure first" columns=${columns} rows=${rows}
        rowKey=${(/** @type {Row} */ { table, rowId, column, firstMetAt }) => [table, rowId, column, firstMetAt].join()} />`
    }
  </${Section}>`;
}
