// What needs attention of numbers that were not simply bought: their accounts, their ports, and the groups that answer them.

import { href } from '../../lib/router.js';

/** @typedef {import('../../generated/types').NowOriginsQuery} Origins */
/** @typedef {import('./findings.js').Finding} Finding */

/** What is said of an account in such a state; one of another state is in order. @type {Record<string, string>} */
const ACCOUNTS = {
  REJECTED: ' has credentials that the carrier rejects. If it is the token, no agent answers the calls to its numbers.',
  SUSPENDED: ' is suspended at the carrier, so calls to its numbers may not arrive.',
  CLOSED: ' is closed at the carrier, so calls to its numbers do not arrive.',
};

/** @param {Origins['carrierAccounts']} accounts @returns {Finding[]} */
export function troubledAccounts(accounts) {
  return accounts.flatMap(({ id, accountSid, status, detail }) => {
    const said = ACCOUNTS[status];
    if (!said) return [];
    return {
      key: `account:${id}`,
      tone: 'bad',
      text: ['The carrier account ', accountSid, said],
      why: detail ?? undefined,
      link: { label: 'Open the accounts', href: href('/numbers/accounts') },
    };
  });
}

/** What is said of a kept number in such a state: the others go on by themselves. @type {Record<string, ['bad' | 'warn', string]>} */
const PORTS = {
  REJECTED: ['bad', ' could not be ported: the request was rejected.'],
  EXPIRED: ['bad', ' could not be ported: nobody signed the letter of authorization in time.'],
  WAITING_FOR_SIGNATURE: ['warn', ' waits for a signature before it is ported.'],
};

/** @param {Origins['keptNumbers']['nodes']} numbers @returns {Finding[]} */
export function waitingPorts(numbers) {
  return numbers.flatMap(({ id, number, state, detail }) => {
    const said = PORTS[state];
    if (!said) return [];
    return {
      key: `port:${id}:${state}`,
      tone: said[0],
      text: ['The number ', number, said[1]],
      why: detail ?? undefined,
      link: { label: 'Open the kept number', href: href(`/numbers/kept/${encodeURIComponent(id)}`) },
      canHide: true,
    };
  });
}

/** The agents that are called by the number of a group. @param {Origins['callGroups']['nodes']} groups @returns {Set<string>} */
export const calledByGroup = (groups) =>
  new Set(
    groups
      .filter(({ phoneNumbers }) => phoneNumbers.nodes.length > 0)
      .flatMap(({ members }) => members.map(({ agent }) => agent.id)),
  );
