// The fields that say which number is bought: country, area code, what is on sale there, and what it costs.

import { NewAgentOnSale } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useQuery, useSettled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button } from '../../ui/basic.js';
import { Select, TextField } from '../../ui/form.js';
import { countryName, countryOptions, hasAreaCodes } from '../../ui/names.js';

/** @typedef {ReturnType<typeof import('../../lib/hooks.js').useForm>} Form */
/** @typedef {{ country: string, areaCode: string, ifUnavailable: string }} NumberValues */
/** @typedef {import('../../generated/types').NewAgentOnSaleQuery['availablePhoneNumbers']} Numbers */
/** @typedef {ReturnType<typeof useOnSale>} OnSale */

/** Values of the fields at first. */
export const NUMBER_VALUES = { country: 'US', areaCode: '', ifUnavailable: 'FAIL' };
export const NUMBER_FIELDS = ['country', 'areaCode', 'ifUnavailable'];

/** An area code as it is sent: none where the country has none. @param {NumberValues} values */
export const areaCodeOf = ({ country, areaCode }) => (hasAreaCodes(country) && areaCode.trim()) || null;

/**
 * Numbers on sale for what has been typed, and the price of a number a month.
 * @param {NumberValues} values
 * @param {boolean} isWanted whether a number is to be bought at all
 */
export function useOnSale(values, isWanted) {
  const { country } = values;
  const areaCode = useSettled(areaCodeOf(values));
  const isTyping = areaCode !== areaCodeOf(values) || (areaCode !== null && areaCode.length < 3);
  const inArea = useQuery(NewAgentOnSale, { country, areaCode }, { pause: !isWanted || isTyping });
  const numbers = isTyping ? undefined : inArea.data?.availablePhoneNumbers;
  // Then another number of the country is bought, so its price is shown.
  const isElsewhere = numbers?.length === 0 && areaCode !== null && values.ifUnavailable === 'ANY_IN_COUNTRY';
  const inCountry = useQuery(NewAgentOnSale, { country, areaCode: null }, { pause: !isWanted || !isElsewhere });
  const shown = isElsewhere ? inCountry.data?.availablePhoneNumbers : numbers;
  return {
    numbers: shown,
    price: shown?.[0]?.monthlyCost ?? null,
    problem: isTyping ? null : (inArea.problem ?? (isElsewhere ? inCountry.problem : null)),
    loading: inArea.loading || (isElsewhere && inCountry.loading),
    isTyping,
    isElsewhere,
  };
}

/** The label of the button that buys. @param {string} verb @param {string | null} price */
export const buyLabel = (verb, price) => (price === null ? verb : `${verb} for ${money(price)} a month`);

/** @param {{ form: Form, onSale: OnSale }} props */
export function NumberChoice({ form, onSale }) {
  const { country } = form.values;
  const withCode = hasAreaCodes(country);
  const fallBack = withCode && form.values.areaCode.trim() !== '';
  return html`<div class="form-grid">
      <${Select} form=${form} name="country" label="Country" options=${countryOptions()} />
      ${
        withCode &&
        html`<div>
        <${TextField} form=${form} name="areaCode" label="Area code" inputmode="numeric" maxlength="3" hint="Three digits, such as 212. Leave it empty for any." />
        <${Suggestions} form=${form} />
      </div>`
      }
      ${
        fallBack &&
        html`<${Select} form=${form} name="ifUnavailable" label="If the area code has no number on sale"
        options=${[
          ['FAIL', 'Buy none, and suggest area codes'],
          ['ANY_IN_COUNTRY', 'Buy another number in the country'],
        ]} />`
      }
    </div>
    <${OnSaleList} values=${form.values} onSale=${onSale} />`;
}

/** Area codes that the API suggests, as buttons that fill the field. @param {{ form: Form }} props */
function Suggestions({ form }) {
  const codes = [...new Set(form.userErrors.flatMap(({ suggestedAreaCodes }) => suggestedAreaCodes ?? []))];
  if (codes.length === 0) return null;
  return html`<div class="actions"><span class="hint">With numbers on sale:</span>
    ${codes.map((code) => html`<${Button} key=${code} label=${`Use area code ${code}`} onClick=${() => form.set('areaCode', code)}>${code}</${Button}>`)}
  </div>`;
}

/** @param {{ values: NumberValues, onSale: OnSale }} props */
function OnSaleList({ values, onSale }) {
  const { numbers, problem, loading, isTyping } = onSale;
  let said = '';
  if (isTyping) said = 'Type three digits to see numbers on sale.';
  else if (problem) said = `Numbers on sale cannot be shown: ${problem}`;
  else if (!numbers) said = loading ? 'Looking for numbers on sale…' : '';
  else if (numbers.length === 0) said = noneIn(values);
  return html`<div aria-live="polite" class="on-sale">
    ${said && html`<p class=${problem ? 'field-error' : 'muted'}>${said}</p>`}
    ${!said && numbers && html`<${Examples} numbers=${numbers} isElsewhere=${onSale.isElsewhere} values=${values} />`}
  </div>`;
}

/** @param {NumberValues} values */
function noneIn(values) {
  const code = areaCodeOf(values);
  if (code)
    return `No number is on sale in area code ${code}. Choose another area code, or let another number in the country be bought.`;
  return `No number is on sale in ${countryName(values.country)}. Choose another country.`;
}

/** @param {{ numbers: Numbers, isElsewhere: boolean, values: NumberValues }} props */
function Examples({ numbers, isElsewhere, values }) {
  return html`<p>${isElsewhere ? `None in area code ${values.areaCode.trim()}. Elsewhere in the country, on sale now:` : 'On sale now, one of these or similar is bought:'}</p>
    <ul class="plain">${numbers.map(
      ({ number, friendlyName, locality, region, monthlyCost }) => html`<li key=${number}>
        <b class="nowrap">${friendlyName}</b> <span class="muted">${[locality, region].filter(Boolean).join(', ')} · ${money(monthlyCost)} a month</span>
      </li>`,
    )}</ul>`;
}
