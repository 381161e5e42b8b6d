// Numbers on sale, as one types.

import { useEffect } from 'preact/hooks';

import { NumbersOnSale } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useQuery, useSettled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Loading, Notice } from '../../ui/basic.js';
import { hasAreaCodes } from '../../ui/names.js';
import { sentence } from '../../ui/progress.js';
import { placeOf } from './words.js';

/** The choice of no number in particular. */
export const ANY = '';

/**
 * @param {{ country: string, type: string, areaCode: string, contains: string }} values
 */
export function useOnSale({ country, type, areaCode, contains }) {
  const code = hasAreaCodes(country) ? areaCode.trim() : '';
  const part = contains.trim();
  // Nothing is searched for while an area code or a pattern is being typed.
  const isHalf = (code !== '' && !/^\d{3}$/.test(code)) || part.length === 1;
  const wanted = useSettled(JSON.stringify({ country, type, areaCode: code || null, contains: part || null }), 400);
  const isSettled = wanted === JSON.stringify({ country, type, areaCode: code || null, contains: part || null });
  const read = useQuery(NumbersOnSale, JSON.parse(wanted), { pause: isHalf || !isSettled });
  const numbers = isHalf || !isSettled ? [] : (read.data?.availablePhoneNumbers ?? []);
  /** The price a month of one number, or of any. @param {string} number */
  const priceOf = (number) =>
    (number === ANY ? numbers[0] : numbers.find((one) => one.number === number))?.monthlyCost ?? null;
  return { ...read, numbers, priceOf, isHalf, isWaiting: !isHalf && (!isSettled || (read.loading && !read.data)) };
}

/** @param {{ form: any, sale: ReturnType<typeof useOnSale> }} props */
export function OnSale({ form, sale }) {
  const { numbers, isHalf, isWaiting, problem, data } = sale;
  const chosen = form.values.number;
  const isGone = chosen !== ANY && !isWaiting && !numbers.some(({ number }) => number === chosen);
  // A purchase of any number takes no pattern.
  const takesAny = form.values.contains.trim() === '';
  const first = numbers[0]?.number;
  useEffect(() => {
    // What is not on sale any more, or does not fit what was typed since, must not be bought.
    if (isGone || (!takesAny && chosen === ANY && first)) form.set('number', takesAny ? ANY : (first ?? ANY));
  }, [isGone, takesAny, chosen, first]);
  return html`<fieldset class="on-sale">
    <legend>Number</legend>
    ${isHalf && html`<p class="hint">Type the whole area code of three digits, and at least two characters to contain.</p>`}
    ${isWaiting && html`<${Loading} label="Looking for numbers on sale…" />`}
    ${problem && !isHalf && html`<${Notice} kind="error" action=${html`<${Button} onClick=${sale.refetch}>Try again</${Button}>`}>${sentence(problem.replace(/^\w+: /, ''))}</${Notice}>`}
    ${!isHalf && !isWaiting && !problem && data && numbers.length === 0 && html`<p>No such numbers are on sale. Try another area code or kind, or leave the area code empty.</p>`}
    ${numbers.length > 0 && html`<${Choices} form=${form} numbers=${numbers} takesAny=${takesAny} chosen=${chosen} />`}
    ${form.errorsOf('number').map((/** @type {{ message: string }} */ { message }) => html`<p key=${message} class="field-error" role="alert">${sentence(message)}</p>`)}
  </fieldset>`;
}

/** @param {{ form: any, numbers: import('../../generated/types').NumbersOnSaleQuery['availablePhoneNumbers'], takesAny: boolean, chosen: string }} props */
function Choices({ form, numbers, takesAny, chosen }) {
  const choice = (/** @type {string} */ value, /** @type {import('preact').ComponentChildren} */ words) =>
    html`<label key=${value}><input type="radio" name="on-sale" value=${value} checked=${chosen === value} onChange=${() => form.set('number', value)} />
      <span>${words}</span></label>`;
  return html`<div class="choices">
    ${takesAny && choice(ANY, html`<b>Any of these</b>`)}
    ${numbers.map((one) => choice(one.number, html`<b class="num">${one.number}</b> <span class="muted">${[placeOf(one), `${money(one.monthlyCost)} a month`].filter((text) => text !== '–').join(', ')}</span>`))}
  </div>`;
}
