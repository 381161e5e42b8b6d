// Calls under way: read once, then followed. A call that ends stays for a moment, so that its end is seen.

import { useEffect, useRef, useState } from 'preact/hooks';

import { NowCalls, NowCallUpdated } from '../../generated/first.js';
import * as format from '../../lib/format.js';
import { useNow, useQuery, useSubscription } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { page } from '../../lib/page.js';
import { href } from '../../lib/router.js';
import { Empty, Loading, Problem, Section } from '../../ui/basic.js';
import { Party } from '../../ui/party.js';
import { Table } from '../../ui/table.js';
import { CallState, isUnderWay, Outcome } from '../../ui/words.js';
import { HangUp } from './hang_up.js';

/** @typedef {import('../../generated/types').NowCallFragment} Call */
/** @typedef {{ call: Call, heardAt: number, endedAt: number | null }} Line `heardAt`, `endedAt`: when this page learned of it, in milliseconds since 1970 */

/** How long an ended call stays in the list, in milliseconds. As long as the animation in style.css. */
const LINGER = 6000;
/** Milliseconds for which news is taken to be fresher than a list that was asked for at about the same time. */
const FRESH = 10_000;
/** Most calls that are followed. Further ones are in the list of calls. */
const MOST = 200;

/**
 * The calls under way, newest first, and those that have just ended.
 * @param {() => void} onChange called at every news of a call
 */
export function useLiveCalls(onChange) {
  const read = useQuery(NowCalls, {});
  const [lines, setLines] = useState(/** @type {Map<string, Line>} */ (new Map()));

  useEffect(() => {
    if (!read.data) return;
    const listed = [...read.data.ringing.nodes, ...read.data.inProgress.nodes];
    setLines((before) => merge(before, listed));
  }, [read.data]);

  useSubscription(
    NowCallUpdated,
    {},
    ({ callUpdated: call }) => {
      setLines((before) => hear(before, call));
      onChange();
    },
    { onStart: read.refetch },
  );

  const hasEnded = [...lines.values()].some(({ endedAt }) => endedAt !== null);
  useEffect(() => {
    if (!hasEnded) return undefined;
    const timer = setInterval(() => setLines(sweep), 500);
    return () => clearInterval(timer);
  }, [hasEnded]);

  const hasMore = Boolean(read.data?.ringing.pageInfo.hasNextPage || read.data?.inProgress.pageInfo.hasNextPage);
  const newestFirst = [...lines.values()].sort((a, b) => b.call.startedAt.localeCompare(a.call.startedAt));
  return { read, lines: newestFirst.slice(0, MOST), hasMore: hasMore || lines.size > MOST };
}

/**
 * A list that was just read. What the subscription said meanwhile is fresher.
 * @param {Map<string, Line>} before
 * @param {Call[]} listed
 */
function merge(before, listed) {
  const now = Date.now();
  const next = new Map([...before].filter(([, line]) => line.endedAt !== null || now - line.heardAt < FRESH));
  for (const call of listed) if (!next.has(call.id)) next.set(call.id, { call, heardAt: 0, endedAt: null });
  return next;
}

/**
 * News of one call.
 * @param {Map<string, Line>} before
 * @param {Call} call
 */
function hear(before, call) {
  const known = before.get(call.id);
  const isNew = !known && isUnderWay(call);
  // A correction of a call that ended long ago is no news here, and one that has ended does not begin again.
  if (!known && !isNew) return before;
  if (known?.endedAt) return new Map(before).set(call.id, { ...known, call: { ...call, status: known.call.status } });
  const now = Date.now();
  return new Map(before).set(call.id, { call, heardAt: now, endedAt: isUnderWay(call) ? null : now });
}

/**
 * Removes what ended a while ago, except the row in which somebody is: they would lose their place.
 * @param {Map<string, Line>} before
 */
function sweep(before) {
  const focused = document.activeElement?.closest('tr')?.dataset.key;
  const over = Date.now() - LINGER;
  const kept = [...before].filter(([id, { endedAt }]) => endedAt === null || endedAt > over || id === focused);
  return kept.length === before.size ? before : new Map(kept);
}

/** @param {{ live: ReturnType<typeof useLiveCalls>, actions?: import('preact').ComponentChildren }} props */
export function LiveCalls({ live: { read, lines, hasMore }, actions }) {
  const now = useNow();
  const count = lines.filter(({ endedAt }) => endedAt === null).length;
  return html`<${Section} title="Calls under way" actions=${actions}>
    <${Problem} read=${read} />
    <p class="hidden" role="status">${read.data && said(count)}</p>
    ${!read.data && read.loading && html`<${Loading} />`}
    ${read.data && lines.length === 0 && html`<${Empty}>Nobody is on the phone. A call appears here as soon as it arrives.</${Empty}>`}
    ${lines.length > 0 && html`<${LiveTable} lines=${lines} now=${now} />`}
    ${hasMore && html`<p class="hint">Further calls are under way. <a href=${`${href('/calls')}?status=IN_PROGRESS`}>Show all of them</a></p>`}
  </${Section}>`;
}

/** @param {number} count */
const said = (count) => (count === 1 ? 'One call is under way' : `${format.number(count)} calls are under way`);

/** @param {{ lines: Line[], now: number }} props */
function LiveTable({ lines, now }) {
  // The server's clock may be ahead of this machine's: a duration never runs backwards or below zero.
  const seconds = useRef(/** @type {Map<string, number>} */ (new Map()));
  const elapsed = (/** @type {Line} */ { call }) => {
    const end = call.endedAt ? Date.parse(call.endedAt) : now;
    return Math.max(
      0,
      (end - Date.parse(call.startedAt)) / 1000,
      call.endedAt ? 0 : (seconds.current.get(call.id) ?? 0),
    );
  };
  for (const line of lines) seconds.current.set(line.call.id, elapsed(line));

  /** @type {import('../../ui/table.js').Column<Line>[]} */
  const columns = [
    {
      label: 'From',
      isHead: true,
      cell: ({ call }) =>
        html`<a href=${href(`/calls/${encodeURIComponent(call.id)}`)}><${Party} value=${call.from} /></a>`,
    },
    { label: 'To', cell: ({ call }) => html`<${Party} value=${call.to} />` },
    { label: 'Agent', cell: ({ call }) => call.agent && html`<bdi>${call.agent.name}</bdi>` },
    { label: 'Goes to', cell: ({ call }) => html`<${Outcome} value=${call.outcome} />` },
    { label: 'Status', cell: ({ call }) => html`<${CallState} call=${call} />` },
    { label: 'Duration', align: 'end', cell: (line) => format.duration(elapsed(line)) },
  ];
  if (page.sandbox)
    columns.push({
      label: 'Test call',
      align: 'end',
      cell: ({ call, endedAt }) => endedAt === null && html`<${HangUp} sid=${call.sid} from=${call.from} />`,
    });
  return html`<${Table} caption="Calls under way" columns=${columns} rows=${lines}
    rowKey=${(/** @type {Line} */ { call }) => call.id}
    rowClass=${(/** @type {Line} */ { endedAt }) => (endedAt === null ? '' : 'leaving')} />`;
}
