// Numbers, money, dates and durations as the viewer's language and time zone write them.

const locale = navigator.languages?.length ? [...navigator.languages] : ['en'];

/** The viewer's time zone, an IANA name. All times of the console are in it. */
export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const integers = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const decimals = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const percents = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone });
const times = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', timeZone });
const both = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', timeZone });
const hours = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit', timeZone });
const months = new Intl.DateTimeFormat(locale, { month: 'long', year: 'numeric', timeZone: 'UTC' });
const utcDates = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
const utcDays = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
/** @type {Map<string, Intl.NumberFormat>} */
const currencies = new Map();

export const NONE = '–';

/** Dates before are years that are being typed. */
const EARLIEST = '2000-01-01';

/** @typedef {string | number | null | undefined} Numeric the API's decimals arrive as strings */

/** @param {Numeric} value */
export const number = (value) => (isMissing(value) ? NONE : integers.format(Number(value)));

/** With up to two decimals. @param {Numeric} value */
export const decimal = (value) => (isMissing(value) ? NONE : decimals.format(Number(value)));

/** @param {number} fraction from 0 to 1 */
export const percent = (fraction) => percents.format(fraction);

/**
 * An amount of money. A call costs a fraction of a cent, so amounts below 1 have up to four decimals.
 * @param {Numeric} value
 * @param {string} [currency] ISO 4217
 */
export function money(value, currency = 'USD') {
  if (isMissing(value)) return NONE;
  const isSmall = Math.abs(Number(value)) < 1;
  const key = `${currency} ${isSmall}`;
  let format = currencies.get(key);
  if (!format) {
    const decimals = isSmall ? { maximumFractionDigits: 4 } : {};
    format = new Intl.NumberFormat(locale, { style: 'currency', currency, ...decimals });
    currencies.set(key, format);
  }
  return format.format(Number(value));
}

/** @param {string | null | undefined} at RFC 3339 */
export const date = (at) => (at ? dates.format(new Date(at)) : NONE);

/** @param {string | null | undefined} at RFC 3339 */
export const time = (at) => (at ? times.format(new Date(at)) : NONE);

/** @param {string | null | undefined} at RFC 3339 */
export const dateTime = (at) => (at ? both.format(new Date(at)) : NONE);

/** Hours and minutes. @param {string | Date} at */
export const hour = (at) => hours.format(new Date(at));

/** @param {string} month `YYYY-MM` */
export const month = (month) => months.format(new Date(`${month}-01T00:00:00Z`));

/** A calendar day that belongs to no zone. @param {string} day `YYYY-MM-DD` */
export const day = (day) => utcDates.format(new Date(`${day}T00:00:00Z`));

/** The same without the year. @param {string} day `YYYY-MM-DD` */
export const dayOfMonth = (day) => utcDays.format(new Date(`${day}T00:00:00Z`));

/**
 * Minutes and seconds, or hours and minutes. Digits only, so that it is the same in every language.
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * How long ago, or how soon: “3 minutes ago”.
 * @param {string} at RFC 3339
 * @param {number} now milliseconds since 1970
 */
export function ago(at, now) {
  const seconds = Math.round((Date.parse(at) - now) / 1000);
  /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ];
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(seconds, 'second');
}

/**
 * `FORWARD_THEN_AGENT` → “Forward then agent”: an enum value without words of its own.
 * @param {string} value
 */
export function words(value) {
  const text = value.toLowerCase().replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * The start of the local day, or of one that many days later; null unless it is a day.
 * @param {string | null} day `YYYY-MM-DD`
 * @param {number} later
 */
export function localDay(day, later) {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? '');
  if (!parts || !day || day < EARLIEST) return null;
  const at = new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]) + later);
  return at.toISOString();
}

/**
 * The start of a local day, this many days from today.
 * @param {number} days
 * @param {Date} [now]
 */
export function dayStart(days, now = new Date()) {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
}

/** The local day of an instant, as date fields and addresses write it: `YYYY-MM-DD`. @param {Date} at */
export function isoDay(at) {
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/**
 * A local time that spreadsheets read and sort: `YYYY-MM-DD HH:MM:SS`.
 * @param {string | null | undefined} at RFC 3339
 */
export function sortable(at) {
  if (!at) return '';
  const local = new Date(at);
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return `${isoDay(local)} ${two(local.getHours())}:${two(local.getMinutes())}:${two(local.getSeconds())}`;
}

/** @param {Numeric} value */
function isMissing(value) {
  return value === null || value === undefined || value === '';
}
