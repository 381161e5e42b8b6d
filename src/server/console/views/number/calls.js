// The latest calls to a number.

import { NumberCalls, NumberCallUpdated } from '../../generated/operations.js';
import { dateTime, duration } from '../../lib/format.js';
import { useQuery, useSubscription, useThrottled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Empty, Loading, Problem, Section } from '../../ui/basic.js';
import { Table } from '../../ui/table.js';
import { CallState, Outcome } from '../../ui/words.js';

/** @typedef {import('../../generated/types').NumberCallsQuery['calls']['nodes'][number]} Call */

/** @type {import('../../ui/table.js').Column<Call>[]} */
const COLUMNS = [
  {
    label: 'Time',
    isHead: true,
    cell: ({ id, startedAt }) => html`<a href=${router.href(`/calls/${id}`)}>${dateTime(startedAt)}</a>`,
  },
  { label: 'Caller', cell: ({ from }) => html`<bdi class="num">${from}</bdi>` },
  { label: 'Answered by', cell: ({ outcome }) => html`<${Outcome} value=${outcome} />` },
  { label: 'Rule', cell: ({ decision }) => (decision.ruleName === null ? '–' : html`<bdi>${decision.ruleName}</bdi>`) },
  { label: 'State', cell: (call) => html`<${CallState} call=${call} />` },
  { label: 'Length', align: 'end', cell: ({ durationSeconds }) => duration(durationSeconds) },
];

/** @param {{ id: string, isHeld: boolean }} props `isHeld`: whether it still takes calls */
export function RecentCalls({ id, isHeld }) {
  const read = useQuery(NumberCalls, { id });
  const refetch = useThrottled(read.refetch);
  useSubscription(
    NumberCallUpdated,
    {},
    ({ callUpdated }) => {
      if (callUpdated.phoneNumber?.id === id) refetch();
    },
    { pause: !isHeld, onStart: read.refetch },
  );
  const calls = read.data?.calls.nodes;
  const all = html`<a href=${`${router.href('/calls')}?number=${encodeURIComponent(id)}`}>All calls to this number</a>`;
  return html`<${Section} title="Recent calls" actions=${calls && calls.length > 0 && all}>
    <${Problem} read=${read} />
    ${!calls && read.loading && html`<${Loading} />`}
    ${calls?.length === 0 && html`<${Empty}>Nobody has called this number yet. Calls appear here as soon as they arrive.</${Empty}>`}
    ${calls && calls.length > 0 && html`<${Table} caption="Recent calls" columns=${COLUMNS} rows=${calls} rowKey=${(/** @type {Call} */ call) => call.id} busy=${read.loading} />`}
  </${Section}>`;
}
