// Filters by agent and by number, for lists that have their filters in the address bar.

import { useState } from 'preact/hooks';

import { FilterAgent, FilterAgents, FilterNumber, FilterNumbers } from '../generated/operations.js';
import { useQuery, useSettled } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import { Filter } from './form.js';
import { numberWords } from './words.js';

/** @typedef {{ value: string, onChange: (id: string) => void }} Choice `value`: the chosen id, empty for any */

/** @param {Choice} props */
export function AgentFilter({ value, onChange }) {
  const [text, setText] = useState('');
  const searched = useSettled(text.trim());
  const read = useQuery(FilterAgents, { filter: searched ? { nameContains: searched } : null });
  const chosen = useQuery(FilterAgent, { id: value }, { pause: value === '', byId: true });
  const listed = read.data?.agents.nodes.map(({ id, name }) => pair(id, name)) ?? [];
  const hasMore = Boolean(read.data?.agents.pageInfo.hasNextPage) || searched !== '';
  return html`
    ${hasMore && html`<${Filter} label="Find an agent" value=${text} maxlength="100" onChange=${setText} />`}
    <${Filter} label="Agent" value=${value} onChange=${onChange} options=${withChosen('Any agent', listed, value, chosen.data?.agent?.name)} />`;
}

/** @param {Choice & { agentId: string }} props `agentId`: only the numbers of this agent; empty for all */
export function NumberFilter({ agentId, value, onChange }) {
  const read = useQuery(FilterNumbers, { agentId: agentId || null });
  const chosen = useQuery(FilterNumber, { id: value }, { pause: value === '', byId: true });
  const listed = read.data?.phoneNumbers.nodes.map((one) => pair(one.id, numberWords(one))) ?? [];
  const one = chosen.data?.phoneNumber;
  return html`<${Filter} label="Number" value=${value} onChange=${onChange}
    options=${withChosen('Any number', listed, value, one ? numberWords(one) : undefined)} />`;
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
