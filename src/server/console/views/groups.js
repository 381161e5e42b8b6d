// Call groups: agents that answer the calls to a number together.

import { CallGroups } from '../generated/operations.js';
import * as format from '../lib/format.js';
import { useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Empty, Loading, Problem, Section, ViewHead } from '../ui/basic.js';
import { pageArguments, Pager, Table } from '../ui/table.js';
import { shareOf, STRATEGIES } from './groups/words.js';
import { NOT_FOR_AGENTS, Tabs } from './numbers/tabs.js';

/** @typedef {import('../generated/types').CallGroupsQuery['callGroups']['nodes'][number]} Group */

const PAGE = 25;

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Call groups');
  const { params } = router.address.value;
  const canChange = session.role !== 'AGENT';
  const read = useQuery(CallGroups, pageArguments(params, PAGE), { pause: !canChange });
  const groups = read.data?.callGroups;
  const isPaged = params.has('after') || params.has('before');
  const create = html`<a class="button primary" href=${router.href('/numbers/groups/new')}>Create a call group</a>`;
  return html`
    <${ViewHead} title="Call groups" heading=${heading}>${canChange && create}</${ViewHead}>
    <${Tabs} canChange=${canChange} />
    ${!canChange && html`<${Empty}>${NOT_FOR_AGENTS}</${Empty}>`}
    ${
      canChange &&
      html`<${Section} title="Your call groups">
      <p class="hint">The agents of a group answer the calls to its numbers together, by share or one after the other. A number gets its group on its own page.</p>
      <${Problem} read=${read} />
      ${!groups && read.loading && html`<${Loading} />`}
      ${groups?.nodes.length === 0 && html`<${Empty} action=${isPaged ? html`<a class="button" href=${router.href('/numbers/groups')}>To the first page</a>` : create}>${isPaged ? 'There are no call groups on this page.' : 'You have no call groups yet.'}</${Empty}>`}
      ${groups && groups.nodes.length > 0 && html`<${List} rows=${groups.nodes} busy=${read.loading} />`}
      <${Pager} pageInfo=${groups?.pageInfo} busy=${read.loading}
        onPage=${(/** @type {{ after?: string, before?: string }} */ to) => router.setParams({ after: to.after, before: to.before })} />
    </${Section}>`
    }`;
}

/** @param {{ rows: Group[], busy: boolean }} props */
function List({ rows, busy }) {
  /** @type {import('../ui/table.js').Column<Group>[]} */
  const columns = [
    { label: 'Name', isHead: true, cell: ({ id, name }) => html`<a href=${groupPath(id)}><bdi>${name}</bdi></a>` },
    { label: 'Calls go', cell: ({ strategy }) => STRATEGIES[strategy] ?? format.words(strategy) },
    { label: 'Agents', cell: (group) => html`<${Members} group=${group} />` },
    { label: 'Numbers', cell: (group) => html`<${Numbers} group=${group} />` },
    { label: 'Since', cell: ({ createdAt }) => format.date(createdAt) },
  ];
  return html`<${Table} caption="Call groups, newest first" columns=${columns} rows=${rows} rowKey=${(/** @type {Group} */ { id }) => id} busy=${busy} />`;
}

/** @param {{ group: Group }} props */
function Members({ group: { members, strategy } }) {
  if (members.length === 0) return 'None';
  const list = members.map(
    (member) =>
      html`<li key=${member.agent.id}><bdi>${member.agent.name}</bdi>${strategy === 'WEIGHTED' && ` ${format.percent(shareOf(member, members))}`}</li>`,
  );
  return strategy === 'OVERFLOW'
    ? html`<ol class="members">${list}</ol>`
    : html`<ul class="plain members">${list}</ul>`;
}

/** @param {{ group: Group }} props */
function Numbers({ group: { id, phoneNumbers } }) {
  const { nodes, pageInfo } = phoneNumbers;
  if (nodes.length === 0) return 'None';
  return html`<span>${nodes.map(
    (number, at) =>
      html`${at > 0 && ', '}<a key=${number.id} class="num" href=${router.href(`/numbers/${number.id}`)}>${number.number}</a>`,
  )}${pageInfo.hasNextPage && html`, <a href=${groupPath(id)}>and more</a>`}</span>`;
}

/** @param {string} id */
const groupPath = (id) => router.href(`/numbers/groups/${encodeURIComponent(id)}`);
