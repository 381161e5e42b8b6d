// What a rule does, in words.

import { day } from '../../lib/format.js';
import { isTimed, listOf } from './rules.js';

/** @typedef {import('./rules.js').Draft} Draft */

/** In the order of the week. @type {[import('./rules.js').Weekday, string, string][]} */
export const WEEK = [
  ['MONDAY', 'Mon', 'Monday'],
  ['TUESDAY', 'Tue', 'Tuesday'],
  ['WEDNESDAY', 'Wed', 'Wednesday'],
  ['THURSDAY', 'Thu', 'Thursday'],
  ['FRIDAY', 'Fri', 'Friday'],
  ['SATURDAY', 'Sat', 'Saturday'],
  ['SUNDAY', 'Sun', 'Sunday'],
];

/** Values named before the rest is counted. */
const NAMED = 3;
/** Digits from which a number is taken for a whole one, not for the beginning of several. */
const WHOLE = 10;

/** What callers get whom an agent would answer, if the number has none. */
const NOBODY = 'that nobody can take the call';

/** @param {Draft} draft @param {string | null} taker who answers the calls of the number, such as “the agent”; null for nobody @returns {string} such as “On Mon–Fri from 08:00 to 18:00 (Europe/Berlin), every caller is connected to the agent.” */
export function sentenceOf(draft, taker) {
  const when = timesOf(draft);
  const [who, isOne] = callersOf(draft);
  const text = `${when ? `${when}, ` : ''}${who} ${actionOf(draft, isOne, taker)}.`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {Draft} draft */
function timesOf(draft) {
  if (!isTimed(draft)) return '';
  const parts = [];
  const dates = listOf(draft.dates);
  if (draft.days.length > 0) parts.push(`on ${daysOf(draft.days)}`);
  if (dates.length > 0)
    parts.push(`${parts.length > 0 ? 'that are' : 'on'} ${enumerate(dates.map(dateWords), 'other dates')}`);
  if (draft.from || draft.to) {
    const isOverMidnight = draft.from !== '' && draft.to !== '' && draft.to < draft.from && draft.to !== '00:00';
    parts.push(`from ${draft.from || '…'} to ${draft.to || '…'}${isOverMidnight ? ' the next day' : ''}`);
  }
  return `${parts.join(' ')} (${draft.timeZone.trim() || 'time zone missing'})`;
}

/** “Mon–Fri”, “Mon, Wed”. @param {string[]} days */
function daysOf(days) {
  const flags = WEEK.map(([value]) => days.includes(value));
  /** @type {string[]} */
  const runs = [];
  for (let at = 0; at < WEEK.length; at += 1) {
    if (!flags[at]) continue;
    let end = at;
    while (flags[end + 1]) end += 1;
    const names = WEEK.slice(at, end + 1).map(([, name]) => name);
    runs.push(...(names.length > 2 ? [`${names[0]}–${names.at(-1)}`] : names));
    at = end;
  }
  return runs.join(', ');
}

/** @param {string} text */
const dateWords = (text) => (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? day(text) : text);

/** Who calls, and whether that is grammatically one. @param {Draft} draft @returns {[string, boolean]} */
function callersOf(draft) {
  const callers = listOf(draft.callers);
  if (callers.length === 0) return ['every caller', true];
  const isHidden = (/** @type {string} */ caller) => caller.toLowerCase() === 'anonymous';
  const shown = callers.filter((caller) => !isHidden(caller)).map(callerWords);
  const parts = shown.length > 0 ? [`callers from ${enumerate(shown, 'other numbers')}`] : [];
  if (callers.some(isHidden)) parts.push('callers with a hidden number');
  return [parts.join(' and '), false];
}

/** @param {string} caller */
function callerWords(caller) {
  return caller.startsWith('+') && caller.replaceAll(/\D/g, '').length < WHOLE ? `${caller}…` : caller;
}

/** “a, b and 5 other dates”. @param {string[]} all @param {string} others */
function enumerate(all, others) {
  if (all.length > NAMED + 1) return `${all.slice(0, NAMED).join(', ')} and ${all.length - NAMED} ${others}`;
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

/** @param {Draft} draft @param {boolean} isOne @param {string | null} taker */
function actionOf({ kind, forwardTo, ringSeconds, message }, isOne, taker) {
  const to = forwardTo.trim() || '(number missing)';
  const seconds = ringSeconds.trim();
  const is = isOne ? 'is' : 'are';
  const hears = isOne ? 'hears' : 'hear';
  if (kind === 'AGENT') return taker ? `${is} connected to ${taker}` : `${hears} ${NOBODY}: the number has no agent`;
  if (kind === 'REJECT') return `${is} rejected: the call is not answered`;
  if (kind === 'MESSAGE') return `${hears} “${shorten(message.trim()) || '(message missing)'}”, and the call ends`;
  if (kind === 'FORWARD')
    return `${is} forwarded to ${to}, which rings for ${seconds || 20} seconds; if nobody answers, a message is played`;
  if (kind === 'FORWARD_THEN_AGENT')
    return `${is} forwarded to ${to}, which rings for ${seconds || '…'} seconds; if nobody answers, ${taker ? `${taker} does` : `the caller hears ${NOBODY}`}`;
  return `${is} treated in a way that this page does not know (${kind})`;
}

/** @param {string} text */
const shorten = (text) => (text.length > 80 ? `${text.slice(0, 79)}…` : text);

/**
 * What happens to callers for whom no rule decides.
 * @param {Draft[]} drafts
 * @param {string | null} taker who answers the calls of the number, such as “the agent”; null for nobody
 */
export function restOf(drafts, taker) {
  const end = taker ? `is connected to ${taker}` : `hears ${NOBODY}`;
  if (drafts.length === 0) return `Every caller ${end}.`;
  const last = drafts.findIndex((draft) => !isTimed(draft) && listOf(draft.callers).length === 0);
  if (last >= 0) return `Nobody else: rule ${last + 1} is for every caller.`;
  return `Everyone else ${end}.`;
}
