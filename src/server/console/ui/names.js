// Languages and countries by name. The names are English, as all words of the console are.

/** Languages that an agent can speak. The API rejects others and lists these. */
const LANGUAGES =
  'en ar bg cs da de el es fi fil fr hi hr hu id it ja ko ms nl no pl pt pt-br ro ru sk sv ta tr uk vi zh'.split(' ');

/** Countries of ISO 3166-1. Which of them have numbers on sale, only the carrier knows. */
const COUNTRIES = `
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
`
  .trim()
  .split(/\s+/);

/** Countries in which numbers are chosen by area code. They are first in lists. */
const WITH_AREA_CODES = ['US', 'CA'];

const languageNames = new Intl.DisplayNames('en', { type: 'language' });
const countryNames = new Intl.DisplayNames('en', { type: 'region' });

/** @param {string} code such as `pt-br` */
export const languageName = (code) => nameIn(languageNames, code);

/** @param {string} code such as `US` */
export const countryName = (code) => nameIn(countryNames, code);

/** @param {string} country */
export const hasAreaCodes = (country) => WITH_AREA_CODES.includes(country);

/**
 * The options of a language field.
 * @param {string} [present] the present language, in case this page does not know it
 * @returns {[string, string][]}
 */
export function languageOptions(present) {
  const codes = present && !LANGUAGES.includes(present) ? [...LANGUAGES, present] : LANGUAGES;
  return sorted(codes, languageName);
}

/** The options of a country field. @returns {[string, string][]} */
export function countryOptions() {
  const others = COUNTRIES.filter((code) => !hasAreaCodes(code));
  return [...WITH_AREA_CODES.map((code) => option(code, countryName)), ...sorted(others, countryName)];
}

/**
 * @param {Intl.DisplayNames} names
 * @param {string} code
 */
function nameIn(names, code) {
  try {
    return names.of(code) ?? code;
  } catch {
    // Not even the shape of a code.
    return code;
  }
}

/** @param {string} code @param {(code: string) => string} name @returns {[string, string]} */
const option = (code, name) => [code, name(code)];

/** @param {string[]} codes @param {(code: string) => string} name */
const sorted = (codes, name) =>
  codes.map((code) => option(code, name)).sort(([, a], [, b]) => a.localeCompare(b, 'en'));
