// The agents that a number can be for, found by name.

import { useState } from 'preact/hooks';

import { NumbersAgents, NumbersOneAgent } from '../../generated/operations.js';
import { useQuery, useSettled } from '../../lib/hooks.js';

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
