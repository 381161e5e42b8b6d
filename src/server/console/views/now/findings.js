// What needs attention, in words, each with what mends it. Pure functions of what was read.

import { href } from '../../lib/router.js';
import { isPooled } from '../numbers/words.js';

/** @typedef {import('../../generated/types').NowAttentionQuery} Attention */
/** @typedef {import('../../generated/types').NowOperationsQuery} Operations */
/** @typedef {import('../../generated/types').NowOperationFragment} Operation */
/** @typedef {import('preact').ComponentChildren} Children */

/**
 * @typedef {object} Finding
 * @property {string} key
 * @property {'bad' | 'warn'} tone
 * @property {[string, string, string]} text the name between what comes before and after it: names may be written from right to left
 * @property {string} [why]
 * @property {string} [at] RFC 3339
 * @property {{ label: string, href: string }} [link]
 * @property {string} [repair] id of a number to repair
 * @property {boolean} [canHide] whether somebody has to say that it is taken care of: nothing else tells
 */

/** Failed operations that are older have been seen or are of no interest any more, in milliseconds. */
const DAYS = 7 * 86_400_000;
const HOUR = 3_600_000;

const agentPath = (/** @type {string} */ id) => href(`/agents/${encodeURIComponent(id)}`);
const numberPath = (/** @type {string} */ id) => href(`/numbers/${encodeURIComponent(id)}`);
const buyPath = (/** @type {string} */ agent) => `${href('/numbers')}?agent=${encodeURIComponent(agent)}&buy=1`;
const messagesPath = (/** @type {string} */ agent) => `${href('/messages')}?agent=${encodeURIComponent(agent)}`;

/** @param {Attention['inactive']['nodes']} numbers @returns {Finding[]} */
export function inactiveNumbers(numbers) {
  return numbers.map(({ id, number, agent }) => ({
    key: `number:${id}`,
    tone: 'bad',
    text: ['The number ', number, ' takes no calls: it is missing at the carrier.'],
    why: agent ? `It belongs to ${agent.name}.` : undefined,
    repair: id,
    link: { label: 'Open the number', href: numberPath(id) },
  }));
}

/** @param {Attention['agents']['nodes']} agents @returns {Finding[]} */
export function rejectedAgents(agents) {
  return agents
    .filter(({ syncState, status }) => syncState === 'REJECTED' && status !== 'DELETED')
    .map(({ id, name, syncError }) => ({
      key: `sync:${id}`,
      tone: 'bad',
      text: ['The voice provider rejected the latest change of ', name, ', which answers as before the change.'],
      why: syncError?.message,
      link: { label: 'Change the agent', href: agentPath(id) },
    }));
}

/**
 * Agents that nobody can call, without those whose number is listed as missing at the carrier.
 * @param {Attention['agents']['nodes']} agents
 * @param {Attention['inactive']['nodes']} inactive
 * @param {Set<string>} grouped ids of agents that are called by the number of a group
 * @returns {Finding[]}
 */
export function agentsWithoutNumber(agents, inactive, grouped) {
  const listed = new Set(inactive.map(({ agent }) => agent?.id));
  return agents
    .filter(({ id, status, phoneNumber }) => status === 'ACTIVE' && !phoneNumber && !listed.has(id) && !grouped.has(id))
    .map(({ id, name }) => ({
      key: `bare:${id}`,
      tone: 'warn',
      text: ['', name, ' has no active number, so nobody can call it.'],
      link: { label: 'Buy a number', href: buyPath(id) },
    }));
}

/** Actions by which a rule itself sends the caller elsewhere: no failure. */
const MEANT = new Set(['FORWARD', 'FORWARD_THEN_AGENT', 'MESSAGE', 'REJECT']);

/** @typedef {Attention['recent']['nodes'][number]} Call */

/**
 * The calls of the last hour that should have reached an agent and did not, by agent; those to numbers in the pool together,
 * without one. Newest first.
 * @param {Call[]} calls
 * @param {number} now
 * @returns {{ agent: Call['agent'], isPool: boolean, calls: Call[] }[]}
 */
export function missedCalls(calls, now) {
  /** @type {Map<string, { agent: Call['agent'], isPool: boolean, calls: Call[] }>} */
  const groups = new Map();
  for (const call of calls) {
    const { outcome, startedAt, decision, phoneNumber } = call;
    const isMeant = decision.action && MEANT.has(decision.action.kind);
    if (outcome === 'AGENT' || isMeant || Date.parse(startedAt) <= now - HOUR) continue;
    const isPool = phoneNumber !== null && isPooled(phoneNumber);
    // The record of a call to a number in the pool names its last agent.
    const agent = isPool ? null : call.agent;
    const key = isPool ? 'pool' : (agent?.id ?? '');
    const group = groups.get(key) ?? { agent, isPool, calls: [] };
    group.calls.push(call);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/**
 * The failures that still matter.
 * @param {Operations | undefined} operations
 * @param {number} now
 * @returns {Finding[]}
 */
export function failedOperations(operations, now) {
  const failed = operations?.failed.nodes ?? [];
  const succeeded = operations?.succeeded.nodes ?? [];
  const isMended = (/** @type {Operation} */ operation) =>
    succeeded.some((later) => later.createdAt > operation.createdAt && isSameWork(later, operation));
  const isFirst = (/** @type {Operation} */ operation, /** @type {number} */ at) =>
    failed.findIndex((other) => isSameWork(other, operation)) === at;
  return failed
    .filter((operation, at) => isFirst(operation, at) || !subjectOf(operation))
    .filter((operation) => now - Date.parse(operation.createdAt) < DAYS && !isMended(operation))
    .flatMap((operation) => describe(operation) ?? []);
}

/** What an operation is about: the number, else the agent. @param {Operation} operation */
function subjectOf({ kind, agent, phoneNumber }) {
  // A purchase that failed holds no number.
  const isPurchase = kind === 'PROVISION_NUMBER' || kind === 'KEEP_NUMBER';
  return isPurchase ? agent?.id : (phoneNumber?.id ?? agent?.id);
}

/** @param {Operation} one @param {Operation} other */
function isSameWork(one, other) {
  return one.kind === other.kind && subjectOf(one) !== undefined && subjectOf(one) === subjectOf(other);
}

/** @param {Operation} operation @returns {Finding | null} null if it needs nothing any more */
function describe(operation) {
  const { id, createdAt, error } = operation;
  const said = describeKind(operation);
  if (!said) return null;
  return { key: `operation:${id}`, tone: 'bad', at: createdAt, why: error?.message, canHide: true, ...said };
}

/** @param {Operation} operation @returns {Pick<Finding, 'text' | 'link' | 'repair'> | null} */
function describeKind({ kind, agent, phoneNumber, error }) {
  const openAgent = agent ? { label: 'Open the agent', href: agentPath(agent.id) } : undefined;
  switch (kind) {
    case 'CREATE_AGENT':
      return {
        text: agent ? ['The agent ', agent.name, ' could not be created.'] : ['An agent could not be created.', '', ''],
        link: { label: 'Create it again', href: href('/agents/new') },
      };
    case 'DELETE_AGENT':
      if (agent?.status === 'DELETED') return null;
      return { text: ['The agent ', agent?.name ?? '', ' could not be deleted.'], link: openAgent };
    case 'PROVISION_NUMBER':
      if (!agent || agent.status === 'DELETED') return null;
      return {
        text: ['No number could be bought for ', agent.name, '.'],
        link: { label: 'Try again', href: buyPath(agent.id) },
      };
    case 'RESTORE_VOICE_AGENT':
      return { text: ['The voice of ', agent?.name ?? '', ' could not be restored.'], link: openAgent };
    case 'SEND_MESSAGE':
      return {
        text: ['A text message from a number of ', agent?.name ?? '', ' could not be sent.'],
        link: agent ? { label: 'Show the messages', href: messagesPath(agent.id) } : undefined,
      };
    default:
      return describeOrigin(kind, phoneNumber, error);
  }
}

/** Failures that are somebody's wish: the words that such an error has. */
const WISHED = ['canceled by cancelPort', 'requested again'];

/**
 * Work on numbers that were not simply bought, and on any number.
 * @param {Operation['kind']} kind
 * @param {Operation['phoneNumber']} number
 * @param {Operation['error']} error
 * @returns {Pick<Finding, 'text' | 'link' | 'repair'> | null} null: it needs nothing
 */
function describeOrigin(kind, number, error) {
  const text = (/** @type {string} */ said) =>
    /** @type {[string, string, string]} */ (
      number ? ['The number ', number.number, said] : [`A number${said}`, '', '']
    );
  const link = number ? { label: 'Open the number', href: numberPath(number.id) } : undefined;
  const kept = { label: 'Show the kept numbers', href: href('/numbers/kept') };
  switch (kind) {
    case 'IMPORT_NUMBER':
      return { text: text(' could not be imported.'), link: { label: 'Try again', href: href('/numbers/import') } };
    case 'RESTORE_NUMBER':
      return { text: text(' could not be given back.'), link };
    case 'MOVE_NUMBER':
      return { text: text(' could not be moved to another account.'), link };
    case 'KEEP_NUMBER':
      return { text: ['No number could be bought to forward calls to.', '', ''], link: kept };
    case 'PORT_NUMBER':
      if (WISHED.some((words) => error?.message.includes(words))) return null;
      return { text: ['A number could not be ported.', '', ''], link: kept };
    case 'CREATE_CARRIER_ACCOUNT':
      return {
        text: ['Your carrier account could not be created.', '', ''],
        link: { label: 'Show the accounts', href: href('/numbers/accounts') },
      };
    default:
      return describeNumber(kind, number, error);
  }
}

/**
 * @param {Operation['kind']} kind
 * @param {Operation['phoneNumber']} number
 * @param {Operation['error']} error
 * @returns {Pick<Finding, 'text' | 'link' | 'repair'> | null}
 */
function describeNumber(kind, number, error) {
  // An INACTIVE number is listed as such.
  if (!number || number.status === 'RELEASED' || number.status === 'INACTIVE') return null;
  const link = { label: 'Open the number', href: numberPath(number.id) };
  if (kind === 'RELEASE_NUMBER') {
    // A cancelled release ends as failed, by somebody's wish.
    const isCancelled = error?.message.includes('cancelRelease');
    return isCancelled ? null : { text: ['The number ', number.number, ' could not be released.'], link };
  }
  const text = /** @type {[string, string, string]} */ (['The number ', number.number, ' could not be repaired.']);
  return { text, link, repair: number.id };
}
