// The tenant's phone numbers: find, buy, assign, release, repair.

import { useState } from 'preact/hooks';

import { Numbers } from '../generated/operations.js';
import { date, money } from '../lib/format.js';
import { useKeptFocus, useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Badge, Button, Empty, Loading, Problem, Section, ViewHead } from '../ui/basic.js';
import { Filter } from '../ui/form.js';
import { countryOptions } from '../ui/names.js';
import { Pager, pageArguments, Table } from '../ui/table.js';
import { options, State } from '../ui/words.js';
import { NumberActions, NumberDialog } from './numbers/actions.js';
import { BuyNumber } from './numbers/buy.js';
import { Tabs } from './numbers/tabs.js';
import { AgentSearch, useAgents } from './numbers/use_agents.js';
import { isPooled, placeOf, POOL_WORDS, TYPES } from './numbers/words.js';

/** @typedef {import('../generated/types').NumberRowFragment} NumberRow */
/** @typedef {import('./numbers/actions.js').Opened} Opened */

const PAGE = 25;
/** The choice of the pool among the agents. */
const POOL = 'pool';
const STATES = ['ACTIVE', 'INACTIVE', 'PENDING', 'RELEASING', 'RELEASED'];

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Numbers');
  const { params } = router.address.value;
  const filter = filterOf(params);
  const read = useQuery(Numbers, { ...pageArguments(params, PAGE), filter });
  const isBuying = params.get('buy') !== null;
  const buy = () => router.setParams({ buy: '1', agent: params.get('agent') });
  const page = read.data?.phoneNumbers;
  const canChange = session.role !== 'AGENT';
  const [opened, setOpened] = useState(/** @type {Opened | null} */ (null));
  useKeptFocus();

  return html`
    <${ViewHead} title="Numbers" heading=${heading}>${
      canChange &&
      html`<a class="button" href=${router.href('/numbers/import')}>Import a number</a>
      <${Button} kind="primary" onClick=${buy}>Buy a number</${Button}>`
    }</${ViewHead}>
    <${Tabs} canChange=${canChange} />
    <${Section} title="Your numbers">
      <${Filters} params=${params} />
      <${Problem} read=${read} />
      ${!page && read.loading && html`<${Loading} />`}
      ${page?.nodes.length === 0 && html`<${Nothing} isPool=${params.has('pool')} isFiltered=${filter !== null} isPaged=${params.has('after') || params.has('before')} />`}
      ${page && page.nodes.length > 0 && html`<${List} rows=${page.nodes} busy=${read.loading} canChange=${canChange} onOpen=${setOpened} />`}
      ${page?.nodes.some(isPooled) && html`<p class="hint">${POOL_WORDS}</p>`}
      <${Pager} pageInfo=${page?.pageInfo} busy=${read.loading}
        onPage=${(/** @type {{ after?: string, before?: string }} */ to) => router.setParams({ after: to.after, before: to.before })} />
    </${Section}>
    ${opened && html`<${NumberDialog} key=${opened.number.id} opened=${opened} onChanged=${read.refetch} onClose=${() => setOpened(null)} />`}
    ${
      isBuying &&
      canChange &&
      html`<${BuyNumber} agentId=${params.get('agent')} onBought=${read.refetch}
      onClose=${() => router.setParams({ buy: null }, { replace: true })} />`
    }`;
}

/** @param {URLSearchParams} params */
function filterOf(params) {
  const agentId = params.get('agent');
  const status = params.get('status');
  const countryCode = params.get('country');
  const isPool = params.has('pool');
  if (!agentId && !status && !countryCode && !isPool) return null;
  return {
    agentId: isPool ? null : agentId,
    assigned: isPool ? false : null,
    status: /** @type {import('../generated/types').PhoneNumberStatus | null} */ (
      status && STATES.includes(status) ? status : null
    ),
    countryCode,
  };
}

/** @param {{ params: URLSearchParams }} props */
function Filters({ params }) {
  const isPool = params.has('pool');
  const chosen = isPool ? '' : (params.get('agent') ?? '');
  // The chosen one may be older than the newest fifty, or not match what is searched.
  const agents = useAgents(chosen);
  const change = (/** @type {Record<string, string | null>} */ changes) =>
    router.setParams({ ...changes, after: null, before: null }, { replace: true });
  const set = (/** @type {string} */ name) => (/** @type {string} */ value) => change({ [name]: value });
  const setAgent = (/** @type {string} */ value) =>
    change(value === POOL ? { pool: '1', agent: null } : { pool: null, agent: value });
  const unnamed =
    chosen !== '' && !agents.known.some(({ id }) => id === chosen) ? [[chosen, 'An agent that is not known']] : [];
  const named = agents.known.map(({ id, name }) => [id, name]);
  const choices = [['', 'All agents'], [POOL, 'In the pool'], ...unnamed, ...named];

  return html`<div class="filters">
    <${AgentSearch} agents=${agents} />
    <${Filter} label="Agent" value=${isPool ? POOL : chosen} onChange=${setAgent} options=${choices} />
    <${Filter} label="State" value=${params.get('status') ?? ''} onChange=${set('status')} options=${options('All but released', STATES)} />
    <${Filter} label="Country" value=${params.get('country') ?? ''} onChange=${set('country')} options=${[['', 'All countries'], ...countryOptions()]} />
  </div>`;
}

/** @param {{ isPool: boolean, isFiltered: boolean, isPaged: boolean }} props */
function Nothing({ isPool, isFiltered, isPaged }) {
  if (isPaged || isFiltered) {
    const all = html`<${Button} onClick=${() => router.navigate('/numbers')}>Show all numbers</${Button}>`;
    const none = isPool ? 'No number in the pool matches these filters.' : 'No number matches these filters.';
    return html`<${Empty} action=${all}>${isPaged ? 'There are no numbers on this page.' : none}</${Empty}>`;
  }
  const buy = html`<${Button} kind="primary" onClick=${() => router.setParams({ buy: '1' })}>Buy a number</${Button}>`;
  return html`<${Empty} action=${buy}>You have no numbers yet. Callers reach an agent by a number: buy one for it here.</${Empty}>`;
}

/** @param {{ rows: NumberRow[], busy: boolean, canChange: boolean, onOpen: (opened: Opened) => void }} props */
function List({ rows, busy, canChange, onOpen }) {
  /** @type {import('../ui/table.js').Column<NumberRow>[]} */
  const columns = [
    {
      label: 'Number',
      isHead: true,
      cell: ({ id, number, label }) =>
        html`<span><a class="num" href=${router.href(`/numbers/${id}`)}>${number}</a>${label && html` <bdi class="muted block">${label}</bdi>`}</span>`,
    },
    { label: 'State', cell: ({ status }) => html`<${State} value=${status} />` },
    { label: 'Answered by', cell: (number) => html`<${Holder} number=${number} />` },
    { label: 'Kind', cell: ({ type }) => html`<span class="nowrap">${TYPES[type] ?? type}</span>` },
    { label: 'Place', cell: placeOf },
    { label: 'A month', align: 'end', cell: ({ monthlyCost }) => money(monthlyCost) },
    {
      label: 'Since',
      cell: ({ provisionedAt, releasedAt }) =>
        releasedAt ? `${date(provisionedAt)} to ${date(releasedAt)}` : date(provisionedAt),
    },
  ];
  if (canChange)
    columns.push({
      label: 'Actions',
      cell: (number) => html`<${NumberActions} number=${number} onOpen=${onOpen} kind="quiet" />`,
    });
  return html`<${Table} caption="Numbers" columns=${columns} rows=${rows} rowKey=${(/** @type {NumberRow} */ { id }) => id} busy=${busy} />`;
}

/** Who has the number. @param {{ number: NumberRow }} props */
function Holder({ number }) {
  const { agent, callGroup } = number;
  if (agent) return html`<a href=${router.href(`/agents/${agent.id}`)}><bdi>${agent.name}</bdi></a>`;
  if (callGroup)
    return html`<span>Group <a href=${router.href(`/numbers/groups/${callGroup.id}`)}><bdi>${callGroup.name}</bdi></a></span>`;
  return isPooled(number) ? html`<${Badge}>In the pool</${Badge}>` : 'None';
}
