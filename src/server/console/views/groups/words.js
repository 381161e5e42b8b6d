// Words and limits of call groups.

/** Most members of a group, most calls of a member, and its greatest weight, as the API has them. */
export const MOST_MEMBERS = 20;
export const MOST_CALLS = 50;
export const GREATEST_WEIGHT = 1000;
export const LONGEST_NAME = '100';

/** @type {Record<string, string>} */
export const STRATEGIES = { WEIGHTED: 'By share', OVERFLOW: 'In order' };

/** @type {Record<string, string>} */
export const STRATEGY_WORDS = {
  WEIGHTED:
    'Over many calls each agent gets its share. If that agent has as many calls as it may have, another one gets the call, by share again.',
  OVERFLOW: 'The first agent of the list that has room gets the call.',
};

/** What callers get when no agent of a group can take a call. */
export const NO_ROOM =
  'Paused agents are passed over. If no agent has room, the fallback number of the agent that is next rings; without one callers hear a message. Texts to the numbers of a group are stored, and no agent answers them.';

/** @typedef {{ weight: number, maxCalls: number | null, agent: { id: string, name: string, status: string } }} Member */

/**
 * What part of the calls a member gets, from 0 to 1.
 * @param {{ weight: number }} member
 * @param {{ weight: number }[]} all
 */
export function shareOf({ weight }, all) {
  const sum = all.reduce((total, one) => total + one.weight, 0);
  return sum > 0 ? weight / sum : 0;
}
