// Places a test call through the sandbox of a development server.

import { useState } from 'preact/hooks';

import { NowTestNumbers } from '../../generated/first.js';
import { useForm, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { href } from '../../lib/router.js';
import { Button, Empty, Loading, Problem, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { fault, FormErrors, Select, TextField, unsent } from '../../ui/form.js';
import { numberWords } from '../../ui/words.js';
import { ask } from './sandbox.js';

/** A number that nobody has: 555-0100 to 555-0199 are kept for fiction. */
const CALLER = '+13125550142';
const HOLD = 'hold';

/** @type {[string, string][]} */
const LENGTHS = [
  [HOLD, 'Until I hang up'],
  ['30', '30 seconds, skipped'],
  ['180', '3 minutes, skipped'],
];
/** @type {[string, string][]} */
const DIALS = [
  ['no-answer', 'Nobody answers'],
  ['completed', 'The person answers'],
  ['busy', 'The line is busy'],
];

/** @param {{ kind?: 'plain' | 'primary' }} props */
export function PlaceTestCall({ kind = 'plain' }) {
  const [isOpen, open] = useState(false);
  return html`<${Button} kind=${kind} onClick=${() => open(true)}>Place a test call</${Button}>
    ${isOpen && html`<${TestCall} onClose=${() => open(false)} />`}`;
}

/** @param {{ onClose: () => void }} props */
function TestCall({ onClose }) {
  const read = useQuery(NowTestNumbers, {});
  const numbers = read.data?.phoneNumbers.nodes;
  return html`<${Dialog} title="Place a test call" onClose=${onClose}>
    <${Problem} read=${read} />
    ${!numbers && read.loading && html`<${Loading} />`}
    ${
      numbers?.length === 0 &&
      html`<${Empty} action=${html`<a class="button primary" href=${href('/agents/new')}>Create an agent with a number</a>`}>There is no active number to call.</${Empty}>`
    }
    ${numbers && numbers.length > 0 && html`<${TestCallForm} numbers=${numbers} onClose=${onClose} />`}
  </${Dialog}>`;
}

/** @param {{ numbers: import('../../generated/types').NowTestNumbersQuery['phoneNumbers']['nodes'], onClose: () => void }} props */
function TestCallForm({ numbers, onClose }) {
  const form = useForm({ to: numbers[0]?.number ?? '', from: CALLER, length: HOLD, dial: 'no-answer' });
  const [busy, setBusy] = useState(false);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const { to, from, length, dial } = form.values;
    const caller = from.replaceAll(/[\s().-]/g, '');
    if (!/^(\+[1-9]\d{6,14}|anonymous)$/.test(caller)) {
      const message = 'Enter a number with + and its country code, such as +13125550142, or the word anonymous.';
      form.settle(unsent(fault('from', message)));
      return;
    }
    setBusy(true);
    const talk = length === HOLD ? { hold: true } : { duration_seconds: Number(length) };
    const problem = await ask('', { to, from: caller, dial_result: dial, ...talk });
    setBusy(false);
    if (!form.settle({ data: undefined, userErrors: [], problem, ok: problem === null })) return;
    say(length === HOLD ? 'The test call was placed. Hang up in the list of calls.' : 'The test call was placed.');
    onClose();
  };

  return html`<form onSubmit=${submit} novalidate>
    <${FormErrors} form=${form} fields=${['from']} />
    <${Select} form=${form} name="to" label="Number to call" options=${numbers.map((one) => [one.number, numberWords(one)])} />
    <${TextField} form=${form} name="from" label="Caller" required inputmode="tel" hint="Try another country’s number, or anonymous, to see what your rules do." />
    <${Select} form=${form} name="length" label="Length" options=${LENGTHS} hint="A skipped call is recorded with its length but is over at once." />
    <${Select} form=${form} name="dial" label="If it rings at a person’s phone" options=${DIALS} />
    <div class="actions end">
      <${Button} onClick=${onClose}>Cancel</${Button}>
      <${Button} kind="primary" type="submit" busy=${busy}>Call</${Button}>
    </div>
  </form>`;
}
