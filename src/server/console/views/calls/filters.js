// The filters of the list of calls. They are in the address bar.

import { useState } from 'preact/hooks';

import { CallsAgents, CallsChosen, CallsNumbers } from '../../generated/operations.js';
import * as format from '../../lib/format.js';
import { useQuery, useSettled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { setParams } from '../../lib/router.js';
import { Filter } from '../../ui/form.js';
import { options } from '../../ui/words.js';

const STATUSES = ['RINGING', 'IN_PROGRESS', 'COMPLETED', 'NO_ANSWER', 'BUSY', 'CANCELED', 'FAILED'];

/** @typedef {import('../../generated/types').CallFilter} CallFilter */

/**
 * The API's filter for this address.
 * @param {URLSearchParams} params
 * @returns {CallFilter}
 */
export function filterOf(params) {
  const status = STATUSES.find((known) => known === params.get('status'));
  return {
    agentId: params.get('agent') || null,
    phoneNumberId: params.get('number') || null,
    status: /** @type {CallFilter['status']} */ (status ?? null),
    startedAfter: format.localDay(params.get('from'), 0),
    startedBefore: format.localDay(params.get('to'), 1),
  };
}

/** Query of the address of the list when it was last shown. */
let last = '';

/** Keeps the address for the way back from a call. @param {URLSearchParams} params */
export function remember(params) {
  const text = params.toString();
  last = text && `?${text}`;
}

export const lastSearch = () => last;

/** Whether anything is filtered. @param {CallFilter} filter */
export const isFiltered = (filter) => Object.values(filter).some(Boolean);

/** Changes filters: the page that was shown belongs to the former ones. @param {Record<string, string>} changes */
const change = (changes) => setParams({ ...changes, after: null, before: null }, { replace: true });

export const clear = () => change({ agent: '', number: '', status: '', from: '', to: '' });

/** @param {{ params: URLSearchParams }} props */
export function Filters({ params }) {
  const of = (/** @type {string} */ name) => params.get(name) ?? '';
  const [agent, number] = [of('agent'), of('number')];
  const chosen = useQuery(
    CallsChosen,
    { agent, number, hasAgent: agent !== '', hasNumber: number !== '' },
    { pause: agent === '' && number === '' },
  );
  const numbers = useQuery(CallsNumbers, { agentId: agent || null });
  const listed = numbers.data?.phoneNumbers.nodes.map(({ id, number: digits }) => pair(id, digits)) ?? [];
  const chosenNumber = chosen.data?.phoneNumber;
  return html`<div class="filters" role="search" aria-label="Filter the calls">
    <${AgentFilter} value=${agent} chosen=${chosen.data?.agent ?? undefined} />
    <${Filter} label="Number" value=${number} onChange=${(/** @type {string} */ id) => change({ number: id })}
      options=${withChosen('Any number', listed, number, chosenNumber?.number)} />
    <${Filter} label="Status" value=${of('status')} onChange=${(/** @type {string} */ status) => change({ status })} options=${options('Any status', STATUSES)} />
    <${Filter} label="From day" type="date" value=${of('from')} onChange=${(/** @type {string} */ from) => change({ from })} max=${of('to') || undefined} />
    <${Filter} label="To day" type="date" value=${of('to')} onChange=${(/** @type {string} */ to) => change({ to })} min=${of('from') || undefined} />
  </div>`;
}

/** @param {{ value: string, chosen: { id: string, name: string } | undefined }} props */
function AgentFilter({ value, chosen }) {
  const [text, setText] = useState('');
  const searched = useSettled(text.trim());
  const read = useQuery(CallsAgents, { filter: searched ? { nameContains: searched } : null });
  const listed = read.data?.agents.nodes.map(({ id, name }) => pair(id, name)) ?? [];
  const hasMore = Boolean(read.data?.agents.pageInfo.hasNextPage) || searched !== '';
  // A number of another agent would match nothing.
  const choose = (/** @type {string} */ agent) => change({ agent, number: '' });
  return html`
    ${hasMore && html`<${Filter} label="Find an agent" value=${text} maxlength="100" onChange=${setText} />`}
    <${Filter} label="Agent" value=${value} onChange=${choose} options=${withChosen('Any agent', listed, value, chosen?.name)} />`;
}

/** @param {string} id @param {string} label @returns {[string, string]} */
const pair = (id, label) => [id, label];

/**
 * The options, with the chosen one even if the list does not have it.
 * @param {string} any
 * @param {[string, string][]} listed
 * @param {string} value
 * @param {string | undefined} label
 */
function withChosen(any, listed, value, label) {
  const isListed = value === '' || listed.some(([id]) => id === value);
  return [pair('', any), ...(isListed ? [] : [pair(value, label ?? 'Chosen')]), ...listed];
}
