// What a month cost, by day and by agent, and what the prices are.

import { Usage, UsageBefore } from '../generated/operations.js';
import { csv, download } from '../lib/csv.js';
import * as format from '../lib/format.js';
import { useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Badge, Button, Empty, Loading, Problem, Section, ViewHead } from '../ui/basic.js';
import { countryName } from '../ui/names.js';
import { Bars } from '../ui/plot.js';
import { Table } from '../ui/table.js';

/** @typedef {import('../generated/types').UsageQuery['viewer']['usage']} MonthlyUsage */
/** @typedef {import('../generated/types').UsageQuery['viewer']['prices'][number]} Price */

/** Months are months of UTC: that is how they are counted and billed. */
const presentMonth = () => new Date().toISOString().slice(0, 7);

/**
 * @param {string} month `YYYY-MM`
 * @param {number} by months, negative for earlier ones
 */
function shifted(month, by) {
  const [year, index] = month.split('-').map(Number);
  return new Date(Date.UTC(year ?? 0, (index ?? 1) - 1 + by, 1)).toISOString().slice(0, 7);
}

/** The month in the address bar, or the present one. */
function chosenMonth() {
  const asked = router.address.value.params.get('month') ?? '';
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(asked) && asked <= presentMonth() ? asked : presentMonth();
}

export default function View() {
  const heading = useTitle('Usage');
  const month = chosenMonth();
  const isRunning = month === presentMonth();
  const read = useQuery(Usage, { month });
  const before = useQuery(UsageBefore, { month: shifted(month, -1) });
  const usage = read.data?.viewer.usage;
  const show = (/** @type {string} */ to) => router.setParams({ month: to === presentMonth() ? null : to });
  return html`
    <${ViewHead} title="Usage" heading=${heading}>
      <${Button} onClick=${() => show(shifted(month, -1))}>← ${format.month(shifted(month, -1))}</${Button}>
      <${Button} disabled=${isRunning} onClick=${() => show(shifted(month, 1))}>${format.month(shifted(month, 1))} →</${Button}>
    </${ViewHead}>
    <h2 aria-live="polite">${format.month(month)} ${isRunning && html`<${Badge} tone="busy">so far</${Badge}>`}</h2>
    <${Problem} read=${read} />
    ${!usage && read.loading && html`<${Loading} />`}
    ${
      usage &&
      html`<${Totals} usage=${usage} before=${before.data?.viewer.usage} isRunning=${isRunning} plan=${read.data?.viewer.plan.name} />
      <${Days} usage=${usage} />
      <${Agents} usage=${usage} />
      <${Prices} prices=${read.data?.viewer.prices ?? []} />`
    }`;
}

/**
 * @param {{ usage: MonthlyUsage, before: import('../generated/types').UsageBeforeQuery['viewer']['usage'] | undefined, isRunning: boolean, plan: string | undefined }} props
 */
function Totals({ usage, before, isRunning, plan }) {
  const { total, calls, phoneNumbers, messages, currency } = usage.estimatedCost;
  const tiles = [
    ['Calls', format.number(usage.calls)],
    ['Minutes', format.decimal(usage.minutes)],
    ['Messages', format.number(usage.messages)],
    ['Segments', format.number(usage.messageSegments)],
    ['Numbers', format.number(usage.phoneNumbers)],
    ['Cost of calls', format.money(calls, currency)],
    ['Cost of messages', format.money(messages, currency)],
    ['Cost of numbers', format.money(phoneNumbers, currency)],
    ['Total, estimated', format.money(total, currency)],
  ];
  return html`<div class="tiles">${tiles.map(([label, value]) => html`<div key=${label} class="tile">${label}<b>${value}</b></div>`)}</div>
    <p class="hint">${before && comparison(usage, before, isRunning)} ${plan && html`Your plan is <bdi>${plan}</bdi>.`}${' '}
      Months and days are those of UTC. Costs are estimated from the price list.</p>`;
}

/**
 * The month before, in words.
 * @param {MonthlyUsage} usage
 * @param {{ month: string, calls: number, estimatedCost: { total: string, currency: string } }} before
 * @param {boolean} isRunning
 */
function comparison(usage, before, isRunning) {
  const name = format.month(before.month);
  const cost = format.money(before.estimatedCost.total, before.estimatedCost.currency);
  const whole = `${name} had ${format.number(before.calls)} calls and cost ${cost}.`;
  // A month that is not over cannot be compared with a whole one.
  if (isRunning || before.calls === 0) return whole;
  const change = usage.calls / before.calls - 1;
  if (Math.abs(change) < 0.005) return `As many calls as in ${name}, which cost ${cost}.`;
  return `${format.percent(Math.abs(change))} ${change > 0 ? 'more' : 'fewer'} calls than in ${name}, which cost ${cost}.`;
}

/** @param {{ usage: MonthlyUsage }} props */
function Days({ usage }) {
  const days = usage.byDay;
  const save = () => {
    const rows = days.map((day) => [
      day.date,
      day.calls,
      day.minutes,
      day.messages,
      day.messageSegments,
      day.estimatedCost.calls,
      day.estimatedCost.messages,
      day.estimatedCost.phoneNumbers,
      day.estimatedCost.total,
      day.estimatedCost.currency,
    ]);
    download(
      `usage-${usage.month}-days.csv`,
      csv(
        [
          'date',
          'calls',
          'minutes',
          'messages',
          'segments',
          'cost_of_calls',
          'cost_of_messages',
          'cost_of_numbers',
          'cost',
          'currency',
        ],
        rows,
      ),
    );
  };
  const x = days.map(({ date }) => Date.parse(`${date}T00:00:00Z`) / 1000);
  const name = (/** @type {number} */ seconds) =>
    format.dayOfMonth(new Date(seconds * 1000).toISOString().slice(0, 10));
  return html`<${Section} title="By day" actions=${html`<${Button} onClick=${save}>Save as CSV</${Button}>`}>
    <div class="columns">
      <${Bars} title="Calls" x=${x} isUtc=${true} formatX=${name} formatY=${format.number}
        series=${[{ label: 'Calls', color: '--plot-agent', values: days.map(({ calls }) => calls) }]} />
      ${
        usage.messages > 0 &&
        html`<${Bars} title="Messages" x=${x} isUtc=${true} formatX=${name} formatY=${format.number}
        series=${[{ label: 'Messages', color: '--plot-fallback', values: days.map(({ messages }) => messages) }]} />`
      }
      <${Bars} title="Cost" x=${x} isUtc=${true} formatX=${name} formatY=${(/** @type {number} */ value) => format.money(value, usage.estimatedCost.currency)}
        series=${[
          {
            label: 'Calls',
            color: '--plot-cost',
            values: days.map(({ estimatedCost }) => Number(estimatedCost.calls)),
          },
          {
            label: 'Messages',
            color: '--plot-fallback',
            values: days.map(({ estimatedCost }) => Number(estimatedCost.messages)),
          },
          {
            label: 'Numbers',
            color: '--plot-busy',
            values: days.map(({ estimatedCost }) => Number(estimatedCost.phoneNumbers)),
          },
        ]} />
    </div>
  </${Section}>`;
}

/** @param {{ usage: MonthlyUsage }} props */
function Agents({ usage }) {
  const agents = usage.byAgent;
  const { currency } = usage.estimatedCost;
  const save = () => {
    const rows = agents.map(({ agentId, agent, calls, minutes, estimatedCost }) => [
      agentId,
      agent?.name,
      calls,
      minutes,
      estimatedCost,
      currency,
    ]);
    download(
      `usage-${usage.month}-agents.csv`,
      csv(['agent_id', 'agent', 'calls', 'minutes', 'cost_of_calls', 'currency'], rows),
    );
  };
  const most = Math.max(1, ...agents.map(({ calls }) => calls));
  /** @type {import('../ui/table.js').Column<MonthlyUsage['byAgent'][number]>[]} */
  const columns = [
    {
      label: 'Agent',
      isHead: true,
      cell: ({ agentId, agent }) =>
        agent ? html`<a href=${router.href(`/agents/${agentId}`)}><bdi>${agent.name}</bdi></a>` : 'Deleted agent',
    },
    {
      label: 'Calls',
      align: 'end',
      cell: ({ calls }) =>
        html`<span class="nowrap"><span class="share" aria-hidden="true"><i style=${{ width: `${(100 * calls) / most}%` }}></i></span> ${format.number(calls)}</span>`,
    },
    { label: 'Minutes', align: 'end', cell: ({ minutes }) => format.decimal(minutes) },
    { label: 'Cost of calls', align: 'end', cell: ({ estimatedCost }) => format.money(estimatedCost, currency) },
  ];
  return html`<${Section} title="By agent" actions=${agents.length > 0 && html`<${Button} onClick=${save}>Save as CSV</${Button}>`}>
    ${agents.length === 0 ? html`<${Empty}>No calls in this month.</${Empty}>` : html`<${Table} caption="Usage by agent" columns=${columns} rows=${agents} rowKey=${(/** @type {{ agentId: string }} */ { agentId }) => agentId} />`}
  </${Section}>`;
}

/** @param {{ prices: Price[] }} props */
function Prices({ prices }) {
  /** @type {import('../ui/table.js').Column<Price>[]} */
  const columns = [
    {
      label: 'Number',
      isHead: true,
      cell: ({ countryCode, type }) => `${countryName(countryCode)}, ${format.words(type).toLowerCase()}`,
    },
    { label: 'A month', align: 'end', cell: ({ month, currency }) => format.money(month, currency) },
    { label: 'A minute', align: 'end', cell: ({ minute, currency }) => format.money(minute, currency) },
  ];
  return html`<${Section} title="Prices">
    ${prices.length === 0 ? html`<${Empty}>Prices are shown for the kinds of numbers you have.</${Empty}>` : html`<${Table} caption="Prices of your numbers" columns=${columns} rows=${prices} rowKey=${(/** @type {Price} */ { countryCode, type }) => countryCode + type} />`}
  </${Section}>`;
}
