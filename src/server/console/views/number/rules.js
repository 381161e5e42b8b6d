// Routing rules as the form holds them, and as the API takes them.

import { timeZone as viewerZone } from '../../lib/format.js';

/** @typedef {import('../../generated/types').NumberRuleFragment} Rule */
/** @typedef {import('../../generated/types').RoutingRuleInput} RuleInput */
/** @typedef {import('../../generated/types').Weekday} Weekday */

/**
 * A rule being edited. `key` stays the same while it is moved; lists are as they are typed.
 * @typedef {{
 *   key: number, name: string, days: Weekday[], from: string, to: string, dates: string, timeZone: string, callers: string,
 *   kind: string, forwardTo: string, ringSeconds: string, message: string,
 * }} Draft
 */

/** Limits of the API. */
export const MOST_RULES = 50;

let nextKey = 1;

/** @param {Rule} rule @param {number} [key] @returns {Draft} */
export function draftOf({ name, condition, action }, key = nextKey++) {
  return {
    key,
    name,
    days: condition.days ?? [],
    from: condition.from ?? '',
    to: condition.to ?? '',
    dates: (condition.dates ?? []).join('\n'),
    timeZone: condition.timeZone ?? viewerZone,
    callers: (condition.callers ?? []).join('\n'),
    kind: action.kind,
    forwardTo: action.forwardTo ?? '',
    ringSeconds: action.ringSeconds === null ? '' : String(action.ringSeconds),
    message: action.message ?? '',
  };
}

/** The drafts of saved rules. Those that were drafts before keep their keys. @param {Rule[]} rules @param {Draft[]} [before] */
export const draftsOf = (rules, before = []) => rules.map((rule, index) => draftOf(rule, before[index]?.key));

/** A new rule with a name that no other has. @param {Draft[]} others @returns {Draft} */
export function newDraft(others) {
  return draftOf({
    name: freeName('Rule', others),
    condition: { days: null, from: null, to: null, dates: null, timeZone: null, callers: null },
    action: { kind: 'AGENT', forwardTo: null, ringSeconds: null, message: null },
  });
}

/** @param {Draft} draft @param {Draft[]} others @returns {Draft} */
export const copyOf = (draft, others) => ({ ...draft, key: nextKey++, name: freeName(draft.name, others) });

/** @param {string} name @param {Draft[]} others */
function freeName(name, others) {
  const taken = new Set(others.map((other) => other.name.trim()));
  const base = name.replace(/ \d+$/, '').slice(0, 90);
  let count = name === 'Rule' ? others.length + 1 : 2;
  while (taken.has(`${base} ${count}`)) count += 1;
  return `${base} ${count}`;
}

/** What is typed as a list: one value a line, or separated by commas. @param {string} text */
export const listOf = (text) =>
  text
    .split(/[\n,]/)
    .map((part) => part.trim())
    .filter(Boolean);

/** Whether the rule is about certain times. @param {Draft} draft */
export const isTimed = ({ days, from, to, dates }) =>
  days.length > 0 || from !== '' || to !== '' || listOf(dates).length > 0;

/** @param {Draft} draft */
export const forwards = ({ kind }) => kind === 'FORWARD' || kind === 'FORWARD_THEN_AGENT';

/** @param {Draft} draft @returns {RuleInput} */
export function inputOf(draft) {
  const some = (/** @type {any[]} */ list) => (list.length > 0 ? list : null);
  const seconds = draft.ringSeconds.trim();
  return {
    name: draft.name,
    condition: {
      days: some(draft.days),
      from: draft.from || null,
      to: draft.to || null,
      dates: some(listOf(draft.dates)),
      timeZone: isTimed(draft) ? draft.timeZone.trim() : null,
      callers: some(listOf(draft.callers)),
    },
    action: {
      kind: /** @type {RuleInput['action']['kind']} */ (draft.kind),
      forwardTo: forwards(draft) ? draft.forwardTo.trim() || null : null,
      // The API takes whole numbers only.
      ringSeconds: forwards(draft) && seconds !== '' ? Math.round(Number(seconds)) : null,
      message: draft.kind === 'MESSAGE' ? draft.message : null,
    },
  };
}
