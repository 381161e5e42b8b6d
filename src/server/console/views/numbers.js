// The tenant's phone numbers: find, buy, release, repair.

import { useState } from 'preact/hooks';

import { Numbers, NumbersAgents, NumbersOneAgent } from '../generated/operations.js';
import { date, money } from '../lib/format.js';
import { useQuery, useSettled, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Button, Empty, Loading, Problem, Section, ViewHead } from '../ui/basic.js';
import { Filter } from '../ui/form.js';
import { countryOptions } from '../ui/names.js';
import { Pager, pageArguments, Table } from '../ui/table.js';
import { options, State } from '../ui/words.js';
import { NumberActions } from './numbers/actions.js';
import { BuyNumber } from './numbers/buy.js';
import { placeOf, TYPES } from './numbers/words.js';

/** @typedef {import('../generated/types').NumberRowFragment} NumberRow */

const PAGE = 25;
const STATES = ['ACTIVE', 'INACTIVE', 'PENDING', 'RELEASING', 'RELEASED'];

export default function View() {
  const heading = useTitle('Numbers');
  const { params } = router.address.value;
  const filter = filterOf(params);
  const read = useQuery(Numbers, { ...pageArguments(params, PAGE), filter });
  const isBuying = params.get('buy') !== null;
  const buy = () => router.setParams({ buy: '1', agent: params.get('agent') });
  const page = read.data?.phoneNumbers;

  return html`
    <${ViewHead} title="Numbers" heading=${heading}><${Button} kind="primary" onClick=${buy}>Buy a number</${Button}></${ViewHead}>
    <${Section} title="Your numbers">
      <${Filters} params=${params} />
      <${Problem} read=${read} />
      ${!page && read.loading && html`<${Loading} />`}
      ${page?.nodes.length === 0 && html`<${Nothing} isFiltered=${filter !== null} isPaged=${params.has('after') || params.has('before')} />`}
      ${page && page.nodes.length > 0 && html`<${List} rows=${page.nodes} busy=${read.loading} onChanged=${read.refetch} />`}
      <${Pager} pageInfo=${page?.pageInfo} busy=${read.loading}
        onPage=${(/** @type {{ after?: string, before?: string }} */ to) => router.setParams({ after: to.after, before: to.before })} />
    </${Section}>
    ${
      isBuying &&
      html`<${BuyNumber} agentId=${params.get('agent')} onBought=${read.refetch}
      onClose=${() => router.setParams({ buy: null }, { replace: true })} />`
    }`;
}

/** @param {URLSearchParams} params */
function filterOf(params) {
  const agentId = params.get('agent');
  const status = params.get('status');
  const countryCode = params.get('country');
  if (!agentId && !status && !countryCode) return null;
  return {
    agentId,
    status: /** @type {import('../generated/types').PhoneNumberStatus | null} */ (
      status && STATES.includes(status) ? status : null
    ),
    countryCode,
  };
}

/** @param {{ params: URLSearchParams }} props */
function Filters({ params }) {
  const [search, setSearch] = useState('');
  const chosen = params.get('agent') ?? '';
  const agents = useQuery(NumbersAgents, { search: useSettled(search.trim()) || null });
  const known = agents.data?.agents.nodes ?? [];
  const isMissing = chosen !== '' && !known.some(({ id }) => id === chosen);
  // The chosen one may be older than the newest fifty, or not match what is searched.
  const one = useQuery(NumbersOneAgent, { id: chosen }, { pause: !isMissing });
  const named = isMissing && one.data?.agent ? [one.data.agent, ...known] : known;
  const isMany = search !== '' || agents.data?.agents.pageInfo.hasNextPage;
  const set = (/** @type {string} */ name) => (/** @type {string} */ value) =>
    router.setParams({ [name]: value, after: null, before: null }, { replace: true });
  const unnamed = isMissing && !one.data?.agent ? [[chosen, 'An agent that is not known']] : [];

  return html`<div class="filters">
    ${isMany && html`<${Filter} label="Find an agent" value=${search} onChange=${setSearch} placeholder="Part of the name" maxlength="100" />`}
    <${Filter} label="Agent" value=${chosen} onChange=${set('agent')} options=${[['', 'All agents'], ...unnamed, ...named.map(({ id, name }) => [id, name])]} />
    <${Filter} label="State" value=${params.get('status') ?? ''} onChange=${set('status')} options=${options('All but released', STATES)} />
    <${Filter} label="Country" value=${params.get('country') ?? ''} onChange=${set('country')} options=${[['', 'All countries'], ...countryOptions()]} />
  </div>`;
}

/** @param {{ isFiltered: boolean, isPaged: boolean }} props */
function Nothing({ isFiltered, isPaged }) {
  if (isPaged || isFiltered) {
    const all = html`<${Button} onClick=${() => router.navigate('/numbers')}>Show all numbers</${Button}>`;
    return html`<${Empty} action=${all}>${isPaged ? 'There are no numbers on this page.' : 'No number matches these filters.'}</${Empty}>`;
  }
  const buy = html`<${Button} kind="primary" onClick=${() => router.setParams({ buy: '1' })}>Buy a number</${Button}>`;
  return html`<${Empty} action=${buy}>You have no numbers yet. Callers reach an agent by a number: buy one for it here.</${Empty}>`;
}

/** @param {{ rows: NumberRow[], busy: boolean, onChanged: () => void }} props */
function List({ rows, busy, onChanged }) {
  /** @type {import('../ui/table.js').Column<NumberRow>[]} */
  const columns = [
    {
      label: 'Number',
      isHead: true,
      cell: ({ id, number }) => html`<a class="num" href=${router.href(`/numbers/${id}`)}>${number}</a>`,
    },
    { label: 'State', cell: ({ status }) => html`<${State} value=${status} />` },
    {
      label: 'Agent',
      cell: ({ agent }) =>
        agent ? html`<a href=${router.href(`/agents/${agent.id}`)}><bdi>${agent.name}</bdi></a>` : 'None',
    },
    { label: 'Kind', cell: ({ type }) => TYPES[type] ?? type },
    { label: 'Place', cell: placeOf },
    { label: 'A month', align: 'end', cell: ({ monthlyCost }) => money(monthlyCost) },
    {
      label: 'Since',
      cell: ({ provisionedAt, releasedAt }) =>
        releasedAt ? `${date(provisionedAt)} to ${date(releasedAt)}` : date(provisionedAt),
    },
    {
      label: 'Actions',
      cell: (number) => html`<${NumberActions} number=${number} onChanged=${onChanged} kind="quiet" />`,
    },
  ];
  return html`<${Table} caption="Numbers" columns=${columns} rows=${rows} rowKey=${(/** @type {NumberRow} */ { id }) => id} busy=${busy} />`;
}
