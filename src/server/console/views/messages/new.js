// The first message to somebody: from which number, to whom.

import { useEffect } from 'preact/hooks';

import { MessagesNumbers } from '../../generated/operations.js';
import { useForm, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { href, navigate } from '../../lib/router.js';
import { Button, Empty, Loading, Problem } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { FormErrors, Select, TextField } from '../../ui/form.js';
import { numberWords } from '../../ui/words.js';
import { TextBody, useSend } from './compose.js';
import { plainNumber } from './filters.js';

/** @typedef {import('../../generated/types').MessagesNumbersQuery['phoneNumbers']['nodes'][number]} OwnNumber */

/** @param {{ numberId: string | null, onClose: () => void }} props `numberId`: the number that is chosen in advance */
export function NewMessage({ numberId, onClose }) {
  const form = useForm({ phoneNumberId: '', to: '', body: '' });
  const read = useQuery(MessagesNumbers, {});
  const numbers = read.data?.phoneNumbers.nodes.filter(({ capabilities }) => capabilities.sms);
  const close = () => {
    const { to, body } = form.values;
    if ((to || body) && !confirm('Close without sending? What you typed will be lost.')) return;
    onClose();
  };
  return html`<${Dialog} title="Write a message" onClose=${close}>
    <${Problem} read=${read} />
    ${!numbers && read.loading && html`<${Loading} />`}
    ${
      numbers?.length === 0 &&
      html`<${Empty} action=${html`<a class="button" href=${href('/numbers')}>Show your numbers</a>`}>None of your numbers can send texts: none is active, or they take calls only.</${Empty}>`
    }
    ${numbers && numbers.length > 0 && html`<${NewMessageForm} form=${form} numbers=${numbers} numberId=${numberId} onClose=${close} />`}
  </${Dialog}>`;
}

/** @param {{ form: any, numbers: OwnNumber[], numberId: string | null, onClose: () => void }} props */
function NewMessageForm({ form, numbers, numberId, onClose }) {
  useEffect(() => {
    const chosen = numbers.find(({ id }) => id === numberId) ?? numbers[0];
    // As saved: a choice that the page made is nothing that the person could lose.
    form.reset({ ...form.values, phoneNumberId: chosen?.id ?? '' });
  }, []);
  const [send, busy] = useSend(form, ({ thread }) => {
    form.reset({ ...form.values, to: '', body: '' });
    navigate(`/messages/${encodeURIComponent(thread.id)}`);
  });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    if (busy) return;
    const { phoneNumberId, to } = form.values;
    void send(phoneNumberId, plainNumber(to)).then(() =>
      requestAnimationFrame(() => /** @type {HTMLElement | null} */ (element.querySelector('[aria-invalid]'))?.focus()),
    );
  };
  return html`<form onSubmit=${submit} novalidate>
    <${Select} form=${form} name="phoneNumberId" label="From" options=${numbers.map((one) => [one.id, numberWords(one)])} />
    <${TextField} form=${form} name="to" label="To" type="tel" required=${true} hint="With + and country, such as +12125550123. Text only people who agreed to it." />
    <${TextBody} form=${form} label="Text" />
    <${FormErrors} form=${form} fields=${['phoneNumberId', 'to', 'body']} />
    <div class="actions end">
      <${Button} onClick=${onClose}>Cancel</${Button}>
      <${Button} kind="primary" type="submit" busy=${busy}>Send</${Button}>
    </div>
  </form>`;
}
