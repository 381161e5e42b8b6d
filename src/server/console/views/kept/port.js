// Requests the port of a kept number: what its carrier knows of its customer, and a bill.

import { useRef, useState } from 'preact/hooks';

import { KeptPortability, KeptRequestPort } from '../../generated/operations.js';
import { isoDay } from '../../lib/format.js';
import { useForm, useMutation, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { newKey } from '../../lib/key.js';
import { Button, Notice, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { Checkbox, Field, FormErrors, TextField } from '../../ui/form.js';
import { inSentences } from '../../ui/progress.js';
import { ACCEPTED, base64Of, problemOf } from './bill.js';

/** @typedef {Record<'customerName' | 'accountNumber' | 'pin' | 'representative' | 'representativeEmail' | 'street' | 'city' | 'region' | 'postalCode' | 'targetDate', string> & { registerEmergencyAddress: boolean }} Values */

/** Days from the request to the earliest port date, as the API has it. */
const EARLIEST = 7;
const DAY = 86_400_000;

/** @type {Values} */
const EMPTY = {
  customerName: '',
  accountNumber: '',
  pin: '',
  representative: '',
  representativeEmail: '',
  street: '',
  city: '',
  region: '',
  postalCode: '',
  targetDate: '',
  registerEmergencyAddress: false,
};

/** @param {{ kept: import('./number.js').KeptNumber, onChanged: () => void, onClose: () => void }} props */
export function PortDialog({ kept, onChanged, onClose }) {
  const form = useForm(EMPTY);
  const values = /** @type {Values} */ (form.values);
  const needsPin = useQuery(KeptPortability, { number: kept.number }).data?.portability.pinRequired ?? false;
  const [request, isSending] = useMutation(KeptRequestPort);
  const [isReading, setReading] = useState(false);
  const [bill, setBill] = useState(/** @type {File | null} */ (null));
  const [billProblem, setBillProblem] = useState(/** @type {string | null} */ (null));
  const key = useRef('');
  const busy = isSending || isReading;
  const close = () => {
    if (form.isDirty && !confirm('Close without requesting the port? What you typed will be lost.')) return;
    onClose();
  };
  const choose = (/** @type {Event} */ event) => {
    const file = /** @type {HTMLInputElement} */ (event.currentTarget).files?.[0] ?? null;
    setBill(file);
    setBillProblem(file && problemOf(file));
  };

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const wrong = bill ? problemOf(bill) : 'Choose a bill of your present carrier.';
    setBillProblem(wrong);
    if (!bill || wrong) return;
    setReading(true);
    const base64 = await base64Of(bill)
      .finally(() => setReading(false))
      .catch(() => null);
    if (base64 === null) {
      setBillProblem('The file could not be read. Choose it again.');
      return;
    }
    key.current ||= newKey();
    const { accountNumber, pin, targetDate, ...rest } = trimmed(values);
    const result = await request({
      input: {
        keptNumberId: kept.id,
        ...rest,
        accountNumber: accountNumber || null,
        pin: pin || null,
        targetDate: targetDate || null,
        bill: { contentType: bill.type, base64 },
        idempotencyKey: key.current,
      },
    });
    // Without an answer the port may have been requested: the same key then finds it again.
    if (!result.problem) key.current = '';
    form.settle(inSentences(result));
    onChanged();
    if (!result.ok) return;
    form.reset(EMPTY);
    say(`The port of ${kept.number} is requested.`);
    onClose();
  };

  const billErrors = [...form.errorsOf('bill'), ...(billProblem ? [{ message: billProblem }] : [])];
  return html`<${Dialog} title=${`Port ${kept.number}`} wide onClose=${busy ? undefined : close}>
    <form onSubmit=${submit} novalidate>
      <p>The present carrier compares all of this with what it knows of its customer. Copy it from the bill.</p>
      <div class="form-grid">
        <${TextField} form=${form} name="customerName" label="Customer’s name, as on the bill" required maxlength="200" />
        <${TextField} form=${form} name="accountNumber" label="Account number at the carrier" required=${needsPin} maxlength="200" hint=${needsPin ? 'Required for mobile numbers' : 'May stay empty for landlines'} />
        <${TextField} form=${form} name="pin" label="PIN of the line" required=${needsPin} maxlength="200" hint=${needsPin ? 'Required for mobile numbers: ask the carrier for it' : 'May stay empty for landlines'} />
        <${TextField} form=${form} name="representative" label="Who may sign for the customer" required maxlength="200" hint="Name of the authorized representative" />
        <${TextField} form=${form} name="representativeEmail" label="E-mail address of that person" type="email" required maxlength="200" hint="The letter of authorization is sent there to be signed" />
        <${TextField} form=${form} name="street" label="Street and number" required maxlength="200" />
        <${TextField} form=${form} name="city" label="City" required maxlength="200" />
        <${TextField} form=${form} name="region" label="State" required maxlength="2" hint="Two letters, such as NY" />
        <${TextField} form=${form} name="postalCode" label="ZIP code" required maxlength="10" />
        <${TextField} form=${form} name="targetDate" label="Wished date" type="date" min=${isoDay(new Date(Date.now() + EARLIEST * DAY))} hint=${`At least ${EARLIEST} days ahead, or empty. The carrier decides.`} />
        <${Field} label="Bill" required errors=${billErrors} hint="A bill of the present carrier, at most 30 days old: PDF, JPEG or PNG, at most 10 MB. It is deleted here when the carrier has it.">
          ${(/** @type {object} */ props) => html`<input ...${props} type="file" accept=${ACCEPTED.join(',')} onChange=${choose} />`}
        </${Field}>
        <${Checkbox} form=${form} name="registerEmergencyAddress" label="Register this address for emergency calls" hint="When the number has arrived. A monthly fee applies." />
      </div>
      <${Notice}>The number keeps working at its present carrier until the port date. Do not cancel it there.</${Notice}>
      <${FormErrors} form=${form} fields=${[...Object.keys(EMPTY), 'bill']} />
      <div class="actions end">
        <${Button} onClick=${close} disabled=${busy}>Cancel</${Button}>
        <${Button} type="submit" kind="primary" busy=${busy}>Request the port</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}

/** @param {Values} values */
const trimmed = (values) =>
  /** @type {Values} */ (
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? value.trim() : value]),
    )
  );
