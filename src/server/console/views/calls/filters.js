// The filters of the list of calls. They are in the address bar.

import * as format from '../../lib/format.js';
import { html } from '../../lib/html.js';
import { setParams } from '../../lib/router.js';
import { AgentFilter, NumberFilter } from '../../ui/filters.js';
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
  // A number of another agent would match nothing.
  const chooseAgent = (/** @type {string} */ agent) => change({ agent, number: '' });
  return html`<div class="filters" role="search" aria-label="Filter the calls">
    <${AgentFilter} value=${of('agent')} onChange=${chooseAgent} />
    <${NumberFilter} agentId=${of('agent')} value=${of('number')} onChange=${(/** @type {string} */ number) => change({ number })} />
    <${Filter} label="Status" value=${of('status')} onChange=${(/** @type {string} */ status) => change({ status })} options=${options('Any status', STATUSES)} />
    <${Filter} label="From day" type="date" value=${of('from')} onChange=${(/** @type {string} */ from) => change({ from })} max=${of('to') || undefined} />
    <${Filter} label="To day" type="date" value=${of('to')} onChange=${(/** @type {string} */ to) => change({ to })} min=${of('from') || undefined} />
  </div>`;
}
