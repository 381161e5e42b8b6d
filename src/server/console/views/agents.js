// The agents of the tenant: search, state, pages.

import { useEffect, useState } from 'preact/hooks';

import { Agents } from '../generated/operations.js';
import { dateTime, number } from '../lib/format.js';
import { useQuery, useSettled, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Badge, Button, Empty, Loading, Problem, ViewHead } from '../ui/basic.js';
import { Filter } from '../ui/form.js';
import { languageName } from '../ui/names.js';
import { Pager, pageArguments, Table } from '../ui/table.js';
import { State, options } from '../ui/words.js';

/** @typedef {import('../generated/types').AgentsQuery['agents']['nodes'][number]} Agent */

const PAGE_SIZE = 25;
/** Longest text that `AgentFilter.nameContains` takes. */
const LONGEST_SEARCH = 100;
/** How often the list is read again while an agent in it is about to change by itself. Milliseconds. */
const READ_EVERY = 3_000;
/** @type {import('../generated/types').AgentStatus[]} */
const STATUSES = ['ACTIVE', 'INACTIVE', 'PENDING', 'DELETED'];

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Agents');
  const { params } = router.address.value;
  const filter = filterOf(params);
  const read = useQuery(Agents, { ...pageArguments(params, PAGE_SIZE), filter });
  const agents = read.data?.agents;
  useRereading(agents?.nodes ?? [], read.refetch);
  const canCreate = session.role !== 'AGENT';
  const create = canCreate && html`<a class="button primary" href=${router.href('/agents/new')}>Create an agent</a>`;

  return html`
    <${ViewHead} title="Agents" heading=${heading}>${create}</${ViewHead}>
    <${Filters} params=${params} />
    <${Problem} read=${read} />
    ${!agents && read.loading && html`<${Loading} />`}
    ${
      agents &&
      html`<div class="card">
      ${
        agents.nodes.length > 0
          ? html`<${Table} caption="Agents, newest first" columns=${COLUMNS} rows=${agents.nodes} rowKey=${(/** @type {Agent} */ { id }) => id} busy=${read.loading} />`
          : html`<${Nothing} isFiltered=${filter.nameContains !== null || filter.status !== null} create=${create} />`
      }
      <${Pager} pageInfo=${agents.pageInfo} busy=${read.loading} total=${count(agents.totalCount)}
        onPage=${(/** @type {{ after?: string, before?: string }} */ { after, before }) => router.setParams({ after, before })} />
    </div>`
    }`;
}

/** @param {URLSearchParams} params */
function filterOf(params) {
  const status = STATUSES.find((value) => value === params.get('status')) ?? null;
  return { nameContains: params.get('q')?.trim().slice(0, LONGEST_SEARCH) || null, status };
}

/** @param {number} total */
const count = (total) => (total === 1 ? '1 agent' : `${number(total)} agents`);

/** Search and state, in the address bar. @param {{ params: URLSearchParams }} props */
function Filters({ params }) {
  const shown = params.get('q') ?? '';
  const [typed, setTyped] = useState(shown);
  const settled = useSettled(typed);
  useEffect(() => {
    if (settled !== shown) router.setParams({ q: settled, after: null, before: null }, { replace: true });
  }, [settled]);
  // The browser's back, or a link, has changed the address.
  useEffect(() => setTyped((before) => (before.trim() === shown.trim() ? before : shown)), [shown]);

  return html`<div class="filters" role="search">
    <${Filter} label="Name contains" value=${typed} onChange=${setTyped} maxlength=${LONGEST_SEARCH} />
    <${Filter} label="State" value=${params.get('status') ?? ''} options=${options('All but deleted', STATUSES)}
      onChange=${(/** @type {string} */ status) => router.setParams({ status, after: null, before: null })} />
  </div>`;
}

/** @param {{ isFiltered: boolean, create: unknown }} props */
function Nothing({ isFiltered, create }) {
  if (!isFiltered) {
    return html`<${Empty} action=${create}>There are no agents yet. An agent answers the calls to its numbers.</${Empty}>`;
  }
  const clear = () => router.setParams({ q: null, status: null, after: null, before: null });
  return html`<${Empty} action=${html`<${Button} onClick=${clear}>Show all agents</${Button}>`}>No agent matches the filters.</${Empty}>`;
}

/** Reads again while an agent is being created, or a change is being delivered. @param {Agent[]} agents @param {() => void} refetch */
function useRereading(agents, refetch) {
  const isMoving = agents.some(
    ({ status, syncState }) => status === 'PENDING' || (status !== 'DELETED' && syncState === 'PENDING'),
  );
  useEffect(() => {
    if (!isMoving) return undefined;
    const timer = setInterval(refetch, READ_EVERY);
    return () => clearInterval(timer);
  }, [isMoving, refetch]);
}

/** @type {import('../ui/table.js').Column<Agent>[]} */
const COLUMNS = [
  {
    label: 'Name',
    isHead: true,
    cell: ({ id, name }) => html`<a href=${router.href(`/agents/${encodeURIComponent(id)}`)}><bdi>${name}</bdi></a>`,
  },
  { label: 'State', cell: ({ status }) => html`<${State} value=${status} />` },
  { label: 'Numbers', cell: (agent) => html`<${Numbers} ...${agent} />` },
  { label: 'Language', cell: ({ language }) => html`<span class="nowrap">${languageName(language)}</span>` },
  {
    label: 'Voice provider',
    cell: ({ status, syncState }) => (status === 'DELETED' ? '–' : html`<${State} value=${syncState} />`),
  },
  { label: 'Created', cell: ({ createdAt }) => dateTime(createdAt) },
];

/** @param {Pick<Agent, 'status' | 'phoneNumbers'>} props */
function Numbers({ status, phoneNumbers: { nodes, pageInfo } }) {
  if (nodes.length === 0) return status === 'DELETED' ? '–' : html`<${Badge} tone="warn">No number</${Badge}>`;
  return html`<ul class="plain">
    ${nodes.map(
      ({ id, friendlyName, status: state }) => html`<li key=${id}>
        <a class="nowrap" href=${router.href(`/numbers/${encodeURIComponent(id)}`)}><bdi>${friendlyName}</bdi></a>
        ${state !== 'ACTIVE' && html` <${State} value=${state} />`}
      </li>`,
    )}
    ${pageInfo.hasNextPage && html`<li class="muted">and more</li>`}
  </ul>`;
}
