// The agents that a number can be for, found by name.

import { useEffect, useState } from 'preact/hooks';

import { NumbersAgents, NumbersOneAgent } from '../../generated/operations.js';
import { useQuery, useSettled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Filter } from '../../ui/form.js';

/** @typedef {ReturnType<typeof useAgents>} Agents */

/** @param {string} chosen id of the chosen agent, which may not be among those found; empty for none */
export function useAgents(chosen) {
  const [search, setSearch] = useState('');
  const read = useQuery(NumbersAgents, { search: useSettled(search.trim()) || null });
  const found = read.data?.agents.nodes ?? [];
  const isMissing = chosen !== '' && !found.some(({ id }) => id === chosen);
  const one = useQuery(NumbersOneAgent, { id: chosen }, { pause: !isMissing });
  const known = isMissing && one.data?.agent ? [one.data.agent, ...found] : found;
  const isMany = search !== '' || read.data?.agents.pageInfo.hasNextPage === true;
  return { known, isMany, search, setSearch, read };
}

/** The search among them, if there are many. @param {{ agents: Agents }} props */
export function AgentSearch({ agents: { isMany, search, setSearch } }) {
  if (!isMany) return null;
  return html`<${Filter} label="Find an agent" value=${search} onChange=${setSearch} placeholder="Part of the name" maxlength="100" />`;
}

/** Chooses the only one: it needs no choice. @param {import('../../ui/form.js').Form} form with `agentId` @param {Agents} agents */
export function useOnlyAgent(form, { known, isMany }) {
  useEffect(() => {
    if (form.values.agentId === '' && known.length === 1 && !isMany) form.set('agentId', known[0]?.id);
  }, [known.length, isMany]);
}
