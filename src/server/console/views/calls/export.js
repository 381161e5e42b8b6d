// All calls that are filtered, as a file for spreadsheets.

import { useEffect, useRef, useState } from 'preact/hooks';

import { CallsExport } from '../../generated/operations.js';
import { all, csv, download, MAX_ROWS } from '../../lib/csv.js';
import * as format from '../../lib/format.js';
import { readOnce } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, say } from '../../ui/basic.js';

/** @typedef {import('../../generated/types').CallsExportQuery['calls']['nodes'][number]} Call */
/** @typedef {{ kind: 'warning' | 'error', text: string }} Result */

/** Why an export ended that was not wanted any more. */
const CANCELLED = new Error('cancelled');

const HEAD = [
  `Started (${format.timeZone})`,
  `Ended (${format.timeZone})`,
  'From',
  'To',
  'Agent',
  'Outcome',
  'Status',
  'Duration in seconds',
  'Estimated cost in USD',
  'Rule',
  'Reason',
  'Call SID',
  'Conversation id',
];

/** @param {Call} call */
const row = (call) => [
  format.sortable(call.startedAt),
  format.sortable(call.endedAt),
  call.from,
  call.to,
  call.agent?.name,
  call.outcome,
  call.status,
  call.durationSeconds,
  call.estimatedCost,
  call.decision.ruleName,
  call.decision.reason,
  call.sid,
  call.conversationId,
];

/**
 * Exports the calls of this filter. Ends when the view is left or the filter changes.
 * @param {import('./filters.js').CallFilter} filter
 */
export function useExport(filter) {
  const [count, setCount] = useState(/** @type {number | null} */ (null));
  const [result, setResult] = useState(/** @type {Result | null} */ (null));
  const key = JSON.stringify(filter);
  const wanted = useRef(0);
  useEffect(() => {
    setResult(null);
    return () => {
      wanted.current += 1;
      setCount(null);
    };
  }, [key]);

  const start = async () => {
    const run = ++wanted.current;
    const page = async (/** @type {string | null} */ after) => {
      const { calls } = await readOnce(CallsExport, { after, filter });
      if (run !== wanted.current) throw CANCELLED;
      return calls;
    };
    setResult(null);
    setCount(0);
    try {
      const { rows, complete } = await all(page, setCount);
      download(`calls-${format.isoDay(new Date())}.csv`, csv(HEAD, rows.map(row)));
      if (complete) say(`${format.number(rows.length)} calls were exported.`);
      else setResult({ kind: 'warning', text: cutOff(rows.length) });
    } catch (error) {
      if (error === CANCELLED) return;
      const why = error instanceof Error ? error.message : '';
      setResult({ kind: 'error', text: `The calls were not exported. ${why}` });
    }
    setCount(null);
  };
  const stop = () => {
    wanted.current += 1;
    setCount(null);
  };
  return { start, stop, count, result };
}

/** @param {number} count */
const cutOff = (count) =>
  `The file has the newest ${format.number(count)} calls only: one file holds at most ${format.number(MAX_ROWS)}. Choose fewer days to export the others.`;

/** @param {{ job: ReturnType<typeof useExport> }} props */
export function ExportButton({ job: { start, stop, count } }) {
  return html`<${Button} busy=${count !== null} onClick=${start}>${count === null ? 'Export CSV' : `Exporting… ${format.number(count)}`}</${Button}>
    ${count !== null && html`<${Button} kind="quiet" onClick=${stop}>Stop</${Button}>`}`;
}

/** @param {{ job: ReturnType<typeof useExport> }} props */
export function ExportResult({ job: { result } }) {
  return result && html`<${Notice} kind=${result.kind}>${result.text}</${Notice}>`;
}
