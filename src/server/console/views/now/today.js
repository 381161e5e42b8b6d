// Calls of today: the tiles, and the plot by hour and outcome.

import { useRef } from 'preact/hooks';

import { NowStatistics, NowViewer } from '../../generated/first.js';
import * as format from '../../lib/format.js';
import { useNow, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Loading, Problem, Section } from '../../ui/basic.js';
import { Bars } from '../../ui/plot.js';
import { OUTCOMES } from '../../ui/words.js';

/** @typedef {import('../../generated/types').NowStatisticsQuery['callStatistics'][number]} Hour */

/** Where the statistics have the calls of an outcome. @type {Record<string, 'answeredByAgent' | 'fallback' | 'busy' | 'unavailable' | 'rejected'>} */
const FIELDS = {
  AGENT: 'answeredByAgent',
  FALLBACK: 'fallback',
  BUSY: 'busy',
  UNAVAILABLE: 'unavailable',
  REJECTED: 'rejected',
};

/** The statistics of the local day up to the end of the present hour. A page that stays open goes on to the next day. */
export function useToday() {
  const now = new Date(useNow(30_000));
  const from = format.dayStart(0, now);
  const to = new Date(now.getFullYear(), now.getMonth(), now.getDate(), now.getHours() + 1);
  const read = useQuery(NowStatistics, { from: from.toISOString(), to: to.toISOString(), timeZone: format.timeZone });
  // A new hour is another question. Until it is answered, the former answer is right but for the hour that just began.
  const last = useRef(/** @type {Hour[] | undefined} */ (undefined));
  if (read.data) last.current = read.data.callStatistics;
  return { read, hours: last.current };
}

/** What the tiles say about the tenant. @param {boolean} isAgent an agent's token may not read it */
export function useViewer(isAgent) {
  return useQuery(NowViewer, {}, { pause: isAgent });
}

/** @param {{ viewer: ReturnType<typeof useViewer>, today: ReturnType<typeof useToday> }} props */
export function Tiles({ viewer: read, today }) {
  const { viewer } = read.data ?? {};
  const calls = sum(today.hours, 'calls');
  const answered = sum(today.hours, 'answeredByAgent');
  return html`<${Problem} read=${read} />
    <dl class="tiles">
      ${viewer && html`<${Slots} used=${viewer.activeCalls} limit=${viewer.limits.concurrentCalls} plan=${viewer.plan.name} />`}
      <${Tile} label="Calls today" value=${format.number(calls)} />
      <${Tile} label="Answered by the agent" value=${calls && answered !== undefined ? format.percent(answered / calls) : format.NONE}
        hint=${calls ? `${format.number(answered)} of ${format.number(calls)} today` : 'No calls today yet'} />
      ${
        viewer &&
        html`<${Tile} label="Cost this month" value=${format.money(viewer.usage.estimatedCost.total, viewer.usage.estimatedCost.currency)}
        hint=${`Estimated, ${format.month(viewer.usage.month)} (UTC)`} />`
      }
    </dl>`;
}

/** @param {{ used: number, limit: number, plan: string }} props */
function Slots({ used, limit, plan }) {
  const isFull = used >= limit;
  const hint = isFull
    ? 'All in use: further callers reach the fallback number, or hear that all lines are busy.'
    : html`of the plan <bdi>${plan}</bdi>`;
  return html`<${Tile} label="Call slots in use" value=${`${format.number(used)} of ${format.number(limit)}`} hint=${hint} isWarning=${isFull} />`;
}

/** @param {{ label: string, value: string, hint?: import('preact').ComponentChildren, isWarning?: boolean }} props */
function Tile({ label, value, hint, isWarning = false }) {
  return html`<div class=${isWarning ? 'tile warn' : 'tile'}><dt>${label}</dt><dd><b>${value}</b></dd>${hint && html`<dd class="hint">${hint}</dd>`}</div>`;
}

/** @param {Hour[] | undefined} hours @param {'calls' | 'answeredByAgent'} field */
const sum = (hours, field) => hours?.reduce((total, hour) => total + hour[field], 0);

/** @param {{ today: ReturnType<typeof useToday> }} props */
export function Today({ today: { read, hours } }) {
  return html`<${Section} title="Calls today">
    <${Problem} read=${read} />
    ${!hours && read.loading && html`<${Loading} />`}
    ${
      hours &&
      html`<${Bars} title="By hour and by who answered" x=${hours.map(({ start }) => Date.parse(start) / 1000)}
      series=${OUTCOMES.map(({ value, label, color }) => ({ label, color, values: hours.map((hour) => hour[FIELDS[value] ?? 'rejected']) }))}
      formatX=${(/** @type {number} */ seconds) => format.hour(new Date(seconds * 1000))} />`
    }
  </${Section}>`;
}
