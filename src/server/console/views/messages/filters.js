// The filters of the list of threads. They are in the address bar.

import { useEffect, useState } from 'preact/hooks';

import { useSettled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { setParams } from '../../lib/router.js';
import { AgentFilter, NumberFilter } from '../../ui/filters.js';
import { Filter } from '../../ui/form.js';
import { HANDLING_OPTIONS } from './words.js';

/** @typedef {import('../../generated/types').MessageThreadFilter} ThreadFilter */

/**
 * The API's filter for this address.
 * @param {URLSearchParams} params
 * @returns {ThreadFilter}
 */
export function filterOf(params) {
  const asked = params.get('handling') || null;
  const isKnown = HANDLING_OPTIONS.some(([value]) => value === asked);
  return {
    agentId: params.get('agent') || null,
    phoneNumberId: params.get('number') || null,
    participant: plainNumber(params.get('with') ?? '') || null,
    handling: isKnown ? /** @type {ThreadFilter['handling']} */ (asked) : null,
  };
}

/**
 * A telephone number as the API takes it, from one that is written for people. Anything else stays as it is.
 * @param {string} text
 */
export function plainNumber(text) {
  const digits = text.replaceAll(/[\s().\u2010-\u2015/-]/g, '');
  return /^\+\d+$/.test(digits) ? digits : text.trim();
}

/** Query of the address of the list when it was last shown. */
let last = '';

/** Keeps the address for the way back from a thread. @param {URLSearchParams} params */
export function remember(params) {
  const kept = new URLSearchParams(params);
  kept.delete('new');
  last = kept.size > 0 ? `?${kept}` : '';
}

export const lastSearch = () => last;

/** Whether anything is filtered. @param {ThreadFilter} filter */
export const isFiltered = (filter) => Object.values(filter).some(Boolean);

/** Changes filters: the page that was shown belongs to the former ones. @param {Record<string, string>} changes */
const change = (changes) => setParams({ ...changes, after: null, before: null }, { replace: true });

export const clear = () => change({ agent: '', number: '', with: '', handling: '' });

/** @param {{ params: URLSearchParams }} props */
export function Filters({ params }) {
  const of = (/** @type {string} */ name) => params.get(name) ?? '';
  // A number of another agent would match nothing.
  const chooseAgent = (/** @type {string} */ agent) => change({ agent, number: '' });
  return html`<div class="filters" role="search" aria-label="Filter the messages">
    <${ParticipantFilter} value=${of('with')} />
    <${AgentFilter} value=${of('agent')} onChange=${chooseAgent} />
    <${NumberFilter} agentId=${of('agent')} value=${of('number')} onChange=${(/** @type {string} */ number) => change({ number })} />
    <${Filter} label="Answered by" value=${of('handling')} onChange=${(/** @type {string} */ handling) => change({ handling })} options=${HANDLING_OPTIONS} />
  </div>`;
}

/** The other party's whole number: the API finds no parts of one. @param {{ value: string }} props */
function ParticipantFilter({ value }) {
  const [text, setText] = useState(value);
  const settled = useSettled(text);
  useEffect(() => {
    if (settled !== value) change({ with: settled });
  }, [settled]);
  useEffect(() => setText(value), [value]);
  return html`<${Filter} label="With" value=${text} onChange=${setText} placeholder="+12125550123" maxlength="64" />`;
}
