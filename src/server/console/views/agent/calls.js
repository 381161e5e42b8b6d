// The agent's latest calls, live.

import { AgentCalls, AgentCallUpdated } from '../../generated/operations.js';
import { dateTime, duration } from '../../lib/format.js';
import { useQuery, useSubscription, useThrottled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Empty, Loading, Problem, Section } from '../../ui/basic.js';
import { Table } from '../../ui/table.js';
import { CallState, Outcome } from '../../ui/words.js';

/** @typedef {NonNullable<import('../../generated/types').AgentCallsQuery['agent']>['calls']['nodes'][number]} Call */

/** @param {{ agentId: string, isDeleted: boolean }} props */
export function Calls({ agentId, isDeleted }) {
  const read = useQuery(AgentCalls, { id: agentId });
  const refetch = useThrottled(read.refetch);
  useSubscription(AgentCallUpdated, { id: agentId }, refetch, { onStart: read.refetch });
  const calls = read.data?.agent?.calls.nodes;
  const all = html`<a href=${router.href(`/calls?agent=${encodeURIComponent(agentId)}`)}>All calls</a>`;
  return html`<${Section} title="Recent calls" actions=${calls?.length ? all : null}>
    <${Problem} read=${read} />
    ${!calls && read.loading && html`<${Loading} />`}
    ${calls?.length === 0 && html`<${Empty}>${isDeleted ? 'It had no calls.' : 'No calls yet. They appear here as they arrive.'}</${Empty}>`}
    ${calls && calls.length > 0 && html`<${Table} caption="Recent calls, newest first" columns=${COLUMNS} rows=${calls} rowKey=${(/** @type {Call} */ { id }) => id} />`}
  </${Section}>`;
}

/** @type {import('../../ui/table.js').Column<Call>[]} */
const COLUMNS = [
  {
    label: 'Arrived',
    isHead: true,
    cell: ({ id, startedAt }) =>
      html`<a href=${router.href(`/calls/${encodeURIComponent(id)}`)}>${dateTime(startedAt)}</a>`,
  },
  { label: 'From', cell: ({ from }) => html`<bdi>${from}</bdi>` },
  { label: 'State', cell: (call) => html`<${CallState} call=${call} />` },
  { label: 'Answered by', cell: ({ outcome }) => html`<${Outcome} value=${outcome} />` },
  { label: 'Duration', align: 'end', cell: ({ durationSeconds }) => duration(durationSeconds) },
];
