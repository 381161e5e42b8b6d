// Calls: a list by filters in the address bar, page by page, that follows what happens.

import { useEffect, useRef, useState } from 'preact/hooks';

import { CallsPage, CallsTotal, CallsUpdated } from '../generated/operations.js';
import * as format from '../lib/format.js';
import { useNow, useQuery, useSubscription, useThrottled, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import { address, href, setParams } from '../lib/router.js';
import { Button, Empty, Loading, Problem, ViewHead } from '../ui/basic.js';
import { Party } from '../ui/party.js';
import { pageArguments, Pager, Table } from '../ui/table.js';
import { CallState, Outcome } from '../ui/words.js';
import { ExportButton, ExportResult, useExport } from './calls/export.js';
import { clear, filterOf, Filters, isFiltered, remember } from './calls/filters.js';

/** @typedef {import('../generated/types').CallsPageQuery['calls']['nodes'][number]} Call */

const PAGE = 25;
/** Milliseconds between two readings while calls come and go. */
const AFTER_CALLS = 1500;

export default function View() {
  const heading = useTitle('Calls');
  const { params } = address.value;
  remember(params);
  const filter = filterOf(params);
  const read = useQuery(CallsPage, { ...pageArguments(params, PAGE), filter });
  useSubscription(CallsUpdated, { agentId: filter.agentId }, useThrottled(read.refetch, AFTER_CALLS), {
    onStart: read.refetch,
  });
  const job = useExport(filter);

  const turn = (/** @type {{ after?: string, before?: string }} */ { after, before }) => {
    setParams({ after: after ?? '', before: before ?? '' });
    scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  };
  const calls = read.data?.calls;
  const isDeep = params.has('after') || params.has('before');
  const toHead = (/** @type {() => void} */ change) => () => {
    change();
    // The button is gone with what it changed.
    heading.current?.focus({ preventScroll: true });
  };
  const toFirst = toHead(() => setParams({ after: '', before: '' }));
  const clearFilters = toHead(clear);
  // Back at the newest calls: the first page gets new ones, a page before a cursor does not.
  const isNewest = params.has('before') && calls?.pageInfo.hasPreviousPage === false;
  useEffect(() => {
    if (isNewest) setParams({ before: '' }, { replace: true });
  }, [isNewest]);
  const wrongDays = filter.startedAfter && filter.startedBefore && filter.startedAfter >= filter.startedBefore;
  return html`<${ViewHead} title="Calls" heading=${heading}><${ExportButton} job=${job} /></${ViewHead}>
    <${ExportResult} job=${job} />
    <section class="card" aria-label="Filters"><${Filters} params=${params} />
      ${wrongDays && html`<p class="field-error" role="alert">“From day” is after “To day”, so no call can match.</p>`}
    </section>
    <section class="card" aria-label="Calls">
      <${Problem} read=${read} />
      ${read.problem && isDeep && html`<p><${Button} onClick=${toFirst}>To the first page</${Button}></p>`}
      ${read.problem && !isDeep && isFiltered(filter) && html`<p><${Button} onClick=${clearFilters}>Clear the filters</${Button}></p>`}
      ${!calls && read.loading && html`<${Loading} />`}
      ${calls?.nodes.length === 0 && html`<${NoCalls} filtered=${isFiltered(filter)} isDeep=${isDeep} toFirst=${toFirst} clearFilters=${clearFilters} />`}
      ${calls && calls.nodes.length > 0 && html`<${CallTable} calls=${calls.nodes} busy=${read.loading} />`}
      ${calls && html`<${Pager} pageInfo=${calls.pageInfo} onPage=${turn} />`}
      ${calls && calls.nodes.length > 0 && html`<${Total} key=${JSON.stringify(filter)} filter=${filter} />`}
    </section>`;
}

/** @param {{ filtered: boolean, isDeep: boolean, toFirst: () => void, clearFilters: () => void }} props */
function NoCalls({ filtered, isDeep, toFirst, clearFilters }) {
  if (isDeep)
    return html`<${Empty} action=${html`<${Button} onClick=${toFirst}>To the first page</${Button}>`}>There are no calls on this page.</${Empty}>`;
  if (filtered)
    return html`<${Empty} action=${html`<${Button} onClick=${clearFilters}>Clear the filters</${Button}>`}>No call matches these filters.</${Empty}>`;
  return html`<${Empty} action=${html`<a class="button" href=${href('/numbers')}>Show your numbers</a>`}>No calls yet. Call one of your numbers: the call appears here as soon as it arrives.</${Empty}>`;
}

/** How many match: counted only when asked for, because counting a million calls takes time. @param {{ filter: import('./calls/filters.js').CallFilter }} props */
function Total({ filter }) {
  const [isAsked, ask] = useState(false);
  const read = useQuery(CallsTotal, { filter }, { pause: !isAsked });
  const count = read.data?.calls.totalCount;
  const said = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // The button is gone, and with it the focus.
    if (count !== undefined && document.activeElement === document.body) said.current?.focus();
  }, [count === undefined]);
  return html`<${Problem} read=${read} />
    <div class="pager">
      ${count === undefined && html`<${Button} kind="quiet" busy=${isAsked && read.loading} onClick=${() => ask(true)}>Count the calls</${Button}>`}
      <span class="total" role="status" ref=${said} tabindex="-1">${count !== undefined && (count === 1 ? '1 call' : `${format.number(count)} calls`)}</span>
    </div>`;
}

/** @param {{ calls: Call[], busy: boolean }} props */
function CallTable({ calls, busy }) {
  /** @type {import('../ui/table.js').Column<Call>[]} */
  const columns = [
    {
      label: 'Time',
      isHead: true,
      cell: ({ id, startedAt }) =>
        html`<a href=${href(`/calls/${encodeURIComponent(id)}`)}><time datetime=${startedAt}>${format.dateTime(startedAt)}</time></a>`,
    },
    { label: 'From', cell: ({ from }) => html`<${Party} value=${from} />` },
    { label: 'To', cell: ({ to }) => html`<${Party} value=${to} />` },
    { label: 'Agent', cell: ({ agent }) => (agent ? html`<bdi>${agent.name}</bdi>` : format.NONE) },
    { label: 'Outcome', cell: ({ outcome }) => html`<${Outcome} value=${outcome} />` },
    { label: 'Status', cell: (call) => html`<${CallState} call=${call} />` },
    { label: 'Duration', align: 'end', cell: (call) => html`<${Duration} call=${call} />` },
    { label: 'Cost', align: 'end', cell: ({ estimatedCost }) => format.money(estimatedCost) },
  ];
  return html`<${Table} caption="Calls, newest first" columns=${columns} rows=${calls} rowKey=${(/** @type {Call} */ { id }) => id} busy=${busy} />`;
}

/** @param {{ call: Pick<Call, 'startedAt' | 'endedAt' | 'durationSeconds'> }} props */
function Duration({ call: { startedAt, endedAt, durationSeconds } }) {
  if (endedAt) return html`${format.duration(durationSeconds)}`;
  return html`<${Running} since=${startedAt} />`;
}

/** @param {{ since: string }} props */
function Running({ since }) {
  return html`${format.duration((useNow() - Date.parse(since)) / 1000)}`;
}
