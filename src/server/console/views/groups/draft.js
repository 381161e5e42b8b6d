// A call group while it is edited, and what is wrong with it.

import { fault } from '../../ui/form.js';
import { GREATEST_WEIGHT, MOST_CALLS } from './words.js';

/** @typedef {{ key: number, agentId: string, name: string, weight: string, maxCalls: string }} MemberDraft `name`: the agent’s, '' for none */
/** @typedef {{ name: string, strategy: string, members: MemberDraft[] }} Draft */
/** @typedef {import('../../lib/hooks.js').Refusal} Refusal */
/** @typedef {import('../../generated/types').CallGroupFieldsFragment} Group */

/** @returns {Draft} */
export const empty = () => ({
  name: '',
  strategy: 'WEIGHTED',
  members: [{ key: 1, agentId: '', name: '', weight: '1', maxCalls: '' }],
});

/** @param {Group} group @returns {Draft} */
export const membersOf = ({ name, strategy, members }) => ({
  name,
  strategy,
  members: members.map(({ agent, weight, maxCalls }, at) => ({
    key: at + 1,
    agentId: agent.id,
    name: agent.name,
    weight: String(weight),
    maxCalls: maxCalls === null ? '' : String(maxCalls),
  })),
});

/** A whole number within limits, or null. @param {string} text @param {number} most */
function whole(text, most) {
  const value = /^\d{1,4}$/.test(text.trim()) ? Number(text) : 0;
  return value >= 1 && value <= most ? value : null;
}

/** The weight that a draft has now; 0 unless it is valid. @param {MemberDraft} member */
export const weightOf = ({ weight }) => whole(weight, GREATEST_WEIGHT) ?? 0;

/** What this page itself finds wrong, by the field. @param {Draft} draft @returns {Refusal[]} */
export function faultsOf({ name, strategy, members }) {
  const faults = [];
  if (name.trim() === '') faults.push(fault('name', 'Give the group a name.'));
  if (members.length === 0) faults.push(fault('members', 'Add at least one agent.'));
  for (const [at, { key, agentId, weight, maxCalls }] of members.entries()) {
    if (agentId === '') faults.push(fault(`agent-${key}`, 'Choose an agent, or remove this line.'));
    else if (members.slice(0, at).some((other) => other.agentId === agentId))
      faults.push(fault(`agent-${key}`, 'This agent is in the list already: list each agent once.'));
    if (strategy === 'WEIGHTED' && whole(weight, GREATEST_WEIGHT) === null)
      faults.push(fault(`weight-${key}`, `A weight is a whole number from 1 to ${GREATEST_WEIGHT}.`));
    if (maxCalls.trim() !== '' && whole(maxCalls, MOST_CALLS) === null)
      faults.push(fault(`most-${key}`, `A whole number from 1 to ${MOST_CALLS}, or empty.`));
  }
  return faults;
}

/** The API’s input. @param {Draft} draft */
export const inputOf = ({ name, strategy, members }) => ({
  name: name.trim(),
  strategy: /** @type {import('../../generated/types').CallGroupStrategy} */ (strategy),
  members: members.map((member) => ({
    agentId: member.agentId,
    // A group that is answered in order keeps weights for later, and may have one that was not finished.
    weight: weightOf(member) || 1,
    maxCalls: member.maxCalls.trim() === '' ? null : Number(member.maxCalls),
  })),
});

/** Whether two drafts have the same content. The keys of members do not count. @param {Draft} one @param {Draft} other */
function isSame(one, other) {
  // An unfinished weight is sent as 1, so inputs alone can be equal. The fault tells such drafts apart.
  const contentOf = (/** @type {Draft} */ draft) => JSON.stringify([inputOf(draft), faultsOf(draft)]);
  return contentOf(one) === contentOf(other);
}

/**
 * The newest version that is known: `read` is older than `base` between saving here and reading again.
 * @template {Group | null} Known
 * @param {Known} base
 * @param {Group | null} read
 */
export const newestOf = (base, read) => (base && read && read.version > base.version ? read : base);

/**
 * What the form does with the newest version: `take` shows it, `rebase` keeps the edits and saves them over this version, `ask` lets
 * the person choose. Null if the newest version is the base.
 * @param {{ values: Draft, isDirty: boolean, base: Group | null, newest: Group | null }} state
 * @returns {'take' | 'rebase' | 'ask' | null}
 */
export function stepOf({ values, isDirty, base, newest }) {
  if (!base || !newest || newest.version === base.version) return null;
  const next = membersOf(newest);
  if (!isDirty || isSame(next, values)) return 'take';
  return isSame(next, membersOf(base)) ? 'rebase' : 'ask';
}

/** The API names agents by their ids: here by what people call them. @param {string} message @param {MemberDraft[]} members */
export function named(message, members) {
  let text = message;
  for (const { agentId, name } of members) if (agentId && name) text = text.replaceAll(agentId, name);
  return text;
}
