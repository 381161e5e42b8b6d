// Rules that can never apply, because an earlier one already applies to all of their calls. The API refuses such rules; this says
// so while they are being edited. What is reported certainly is out of reach. A rule that only several earlier ones together keep
// from applying is not reported, and neither is one with a part that cannot be read yet.

/**
 * @typedef {object} Condition of `RoutingRuleInput`
 * @property {string[] | null} [days]
 * @property {string | null} [from]
 * @property {string | null} [to]
 * @property {string[] | null} [dates]
 * @property {string | null} [timeZone]
 * @property {string[] | null} [callers]
 */
/** @typedef {{ name: string, condition: Condition }} Rule */
/** @typedef {{ index: number, other: number, message: string, field?: 'name' }} Conflict `other`: index of the earlier rule */

const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'];
const HIDDEN = ['anonymous', 'restricted', 'blocked', 'unknown', 'unavailable'];

/** @param {Rule[]} rules @returns {Conflict[]} at most one of each kind for a rule */
export function conflictsOf(rules) {
  const conditions = rules.map(({ condition }) => (isReadable(condition) ? condition : null));
  return rules.flatMap(({ name }, index) => [...twin(rules, name.trim(), index), ...shadow(conditions, rules, index)]);
}

/** @param {Rule[]} rules @param {string} name @param {number} index @returns {Conflict[]} */
function twin(rules, name, index) {
  const other = rules.findIndex((rule) => rule.name.trim() === name);
  if (name === '' || other >= index) return [];
  return [
    { index, other, field: 'name', message: `Rule ${other + 1} has this name, too. Give each rule its own name.` },
  ];
}

/** @param {(Condition | null)[]} conditions @param {Rule[]} rules @param {number} index @returns {Conflict[]} */
function shadow(conditions, rules, index) {
  const own = conditions[index];
  if (!own) return [];
  const other = conditions.findIndex((earlier, at) => at < index && earlier !== null && implies(own, earlier));
  const earlier = conditions[other];
  if (!earlier) return [];
  const why = isAlways(earlier) ? 'is for every call' : 'applies to all of its calls';
  const message = `This rule never applies: rule ${other + 1} “${rules[other]?.name}” comes first and ${why}. Move this rule up, or remove one of them.`;
  return [{ index, other, message }];
}

/** Whether nothing is missing or half typed. @param {Condition} condition */
function isReadable({ from, to, timeZone, days, dates }) {
  const isTimed = Boolean(from || to || days?.length || dates?.length);
  const isWindow = Boolean(from) === Boolean(to) && (!from || from !== to);
  const areDates = (dates ?? []).every((date) => /^\d{4}-\d{2}-\d{2}$/.test(date) && !Number.isNaN(Date.parse(date)));
  return isWindow && areDates && (!isTimed || Boolean(timeZone));
}

/** @param {Condition} condition */
const isEveryDay = ({ days, dates }) => !dates?.length && (!days?.length || new Set(days).size === DAYS.length);

/** @param {Condition} condition */
const isAnyTime = (condition) => !condition.from && isEveryDay(condition);

/** @param {Condition} condition */
const isAlways = (condition) => isAnyTime(condition) && !condition.callers?.length;

/** Whether `other` holds for every call for which `own` holds. @param {Condition} own @param {Condition} other */
export function implies(own, other) {
  return timesImply(own, other) && callersImply(own.callers ?? [], other.callers ?? []);
}

/** @param {Condition} own @param {Condition} other */
function timesImply(own, other) {
  if (isAnyTime(other)) return true;
  const isTimed = own.from || own.days?.length || own.dates?.length;
  // Not compared across zones, whose difference changes over the year.
  if (!isTimed || own.timeZone?.toLowerCase() !== other.timeZone?.toLowerCase()) return false;
  if (other.from && !isWithin(own, other)) return false;
  if (isEveryDay(other)) return true;
  // After midnight, a window that spans midnight belongs to the day before.
  const isSameDay = !(own.from && !other.from && isOverMidnight(own));
  return isSameDay && daysImply(own, other);
}

/** @param {Condition} window */
const isOverMidnight = ({ from, to }) => /** @type {string} */ (to) < /** @type {string} */ (from);

/** Whether every minute of `own`'s window is in that of `other`, on the same day unless `other` is for every day. @param {Condition} own @param {Condition} other */
function isWithin(own, other) {
  if (!own.from || !own.to || !other.from || !other.to) return false;
  const [isOwnOver, isOtherOver] = [isOverMidnight(own), isOverMidnight(other)];
  if (isOwnOver === isOtherOver) return other.from <= own.from && own.to <= other.to;
  return isOtherOver && (other.from <= own.from || (isEveryDay(other) && own.to <= other.to));
}

/** @param {Condition} own @param {Condition} other */
function daysImply(own, other) {
  const [days, dates] = [own.days ?? [], own.dates ?? []];
  const [otherDays, otherDates] = [other.days ?? [], other.dates ?? []];
  const dayOf = (/** @type {string} */ date) => DAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? '';
  const areDays =
    otherDays.length === 0 ||
    new Set(otherDays).size === DAYS.length ||
    (days.length > 0 && days.every((day) => otherDays.includes(day))) ||
    (dates.length > 0 && dates.every((date) => otherDays.includes(dayOf(date))));
  const areDates = otherDates.length === 0 || (dates.length > 0 && dates.every((date) => otherDates.includes(date)));
  return areDays && areDates;
}

/** @param {string[]} own @param {string[]} others */
function callersImply(own, others) {
  if (others.length === 0) return true;
  if (own.length === 0) return false;
  const known = others.map(pattern);
  const isWithinOne = (/** @type {string} */ caller) =>
    known.some((other) => other === caller || (other.startsWith('+') && caller.startsWith(other)));
  return own.map(pattern).every(isWithinOne);
}

/** A caller's pattern as the API keeps it. @param {string} text */
function pattern(text) {
  const trimmed = text.trim();
  if (HIDDEN.includes(trimmed.toLowerCase())) return 'anonymous';
  return trimmed.startsWith('+') ? trimmed.replaceAll(/[\s.()-]/g, '') : trimmed;
}
