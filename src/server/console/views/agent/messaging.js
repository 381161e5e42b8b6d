// What happens to the text messages that an agent's numbers receive.

/** @typedef {import('../../generated/types').AgentMessaging} Messaging */

/** @type {[Messaging, string][]} */
export const MESSAGING_OPTIONS = [
  ['NOTIFY', 'A person answers them'],
  ['AGENT', 'The agent answers them'],
  ['OFF', 'They are only stored'],
];

export const MESSAGING_HINT =
  'Texts are stored and shown under Messages in every case. If the agent cannot answer, the thread waits for a person.';

/** @param {Messaging} value */
export const messagingWords = (value) => MESSAGING_OPTIONS.find(([known]) => known === value)?.[1] ?? value;
