// Numbers of other carriers that the tenant keeps: forwarded at first, then ported.

import { Kept } from '../generated/operations.js';
import * as format from '../lib/format.js';
import { useEvery, useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Button, Empty, Loading, Problem, Section, ViewHead } from '../ui/basic.js';
import { sentence } from '../ui/progress.js';
import { pageArguments, Pager, Table } from '../ui/table.js';
import { KeepNumber } from './kept/keep.js';
import { ShortLine } from './kept/line.js';
import { NOT_FOR_AGENTS, Tabs } from './numbers/tabs.js';

/** @typedef {import('../generated/types').KeptFieldsFragment} KeptRow */

const PAGE = 25;
/** How often the list is read: carriers go on in their own time. Milliseconds. */
const READ_EVERY = 30_000;

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Kept numbers');
  const { params } = router.address.value;
  const canChange = session.role !== 'AGENT';
  const read = useQuery(Kept, pageArguments(params, PAGE), { pause: !canChange });
  useEvery(read.refetch, READ_EVERY);
  const page = read.data?.keptNumbers;
  const keep = html`<${Button} kind="primary" onClick=${() => router.setParams({ keep: '1' })}>Keep a number</${Button}>`;
  return html`
    <${ViewHead} title="Kept numbers" heading=${heading}>${canChange && keep}</${ViewHead}>
    <${Tabs} canChange=${canChange} />
    ${!canChange && html`<${Empty}>${NOT_FOR_AGENTS}</${Empty}>`}
    ${
      canChange &&
      html`<${Section} title="Numbers that you keep">
      <p class="hint">A number of another carrier: its calls are forwarded to a number here at once, and the number itself can be ported afterwards.</p>
      <${Problem} read=${read} />
      ${!page && read.loading && html`<${Loading} />`}
      ${page?.nodes.length === 0 && html`<${Nothing} isPaged=${params.has('after') || params.has('before')} keep=${keep} />`}
      ${page && page.nodes.length > 0 && html`<${List} rows=${page.nodes} busy=${read.loading} />`}
      <${Pager} pageInfo=${page?.pageInfo} busy=${read.loading}
        onPage=${(/** @type {{ after?: string, before?: string }} */ to) => router.setParams({ after: to.after, before: to.before })} />
    </${Section}>`
    }
    ${canChange && params.has('keep') && html`<${KeepNumber} onKept=${read.refetch} onClose=${() => router.setParams({ keep: null }, { replace: true })} />`}`;
}

/** @param {{ isPaged: boolean, keep: import('preact').ComponentChildren }} props */
function Nothing({ isPaged, keep }) {
  if (isPaged)
    return html`<${Empty} action=${html`<a class="button" href=${router.href('/numbers/kept')}>To the first page</a>`}>There are no kept numbers on this page.</${Empty}>`;
  return html`<${Empty} action=${keep}>You keep no number yet. If your practice has a number at another carrier, its callers can reach an agent without a new number.</${Empty}>`;
}

/** @param {{ rows: KeptRow[], busy: boolean }} props */
function List({ rows, busy }) {
  /** @type {import('../ui/table.js').Column<KeptRow>[]} */
  const columns = [
    {
      label: 'Number',
      isHead: true,
      cell: ({ id, number }) =>
        html`<a class="num" href=${router.href(`/numbers/kept/${encodeURIComponent(id)}`)}>${number}</a>`,
    },
    { label: 'State', cell: ({ state }) => html`<${ShortLine} state=${state} />` },
    {
      label: 'Note',
      cell: ({ detail, portDate, state }) =>
        portDate && state === 'PORT_DATE_SET'
          ? `It is ported on ${format.dateTime(portDate)}.`
          : detail
            ? sentence(detail)
            : format.NONE,
    },
    {
      label: 'Forwarded to',
      cell: ({ target }) =>
        target ? html`<a class="num" href=${router.href(`/numbers/${target.id}`)}>${target.number}</a>` : format.NONE,
    },
    {
      label: 'Agent',
      cell: ({ agent }) =>
        agent ? html`<a href=${router.href(`/agents/${agent.id}`)}><bdi>${agent.name}</bdi></a>` : format.NONE,
    },
    {
      label: 'Changed',
      cell: ({ updatedAt }) => html`<time datetime=${updatedAt}>${format.dateTime(updatedAt)}</time>`,
    },
  ];
  return html`<${Table} caption="Kept numbers, newest first" columns=${columns} rows=${rows} rowKey=${(/** @type {KeptRow} */ { id }) => id} busy=${busy} />`;
}
