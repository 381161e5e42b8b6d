// Consent that was given or withdrawn otherwise than by text, recorded by hand.

import { useId, useState } from 'preact/hooks';

import { MessagesSetConsent } from '../../generated/operations.js';
import { useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { Party } from '../../ui/party.js';
import { sentence } from '../../ui/progress.js';

/** @typedef {import('./thread.js').Thread} Thread */
/** @typedef {Thread['consent']} Value */

/** What can be recorded, and what the law asks before. @type {{ value: Value, label: string, law: string[] }[]} */
const CHOICES = [
  {
    value: 'OPTED_OUT',
    label: 'They want no more texts',
    law: [
      'Any clear request counts, in whatever words: by telephone, by e-mail or in person. In the United States it must be honoured without delay, at the latest within 10 business days.',
      'From now on none of your numbers can text them, not even about appointments.',
    ],
  },
  {
    value: 'OPTED_IN',
    label: 'They agreed to texts',
    law: [
      'Record only what they themselves agreed to. For advertising, the law of the United States asks for a written agreement. Keep who agreed, when, how and to what: you may have to prove it.',
      'If they texted STOP, the carrier blocks your texts until they text START to the same number. This record does not lift that.',
    ],
  },
  {
    value: 'IMPLIED',
    label: 'Nothing is known: an entry was wrong',
    law: [
      'Only to correct a mistake. A request for no more texts stays in force until they agree again, so it must not be removed.',
    ],
  },
];

/** @param {{ thread: Thread, onChanged: () => void }} props */
export function ConsentButton({ thread, onChanged }) {
  const [isOpen, open] = useState(false);
  return html`<${Button} kind="quiet" onClick=${() => open(true)}>Record consent…</${Button}>
    ${isOpen && html`<${ConsentDialog} thread=${thread} onChanged=${onChanged} onClose=${() => open(false)} />`}`;
}

/** @param {{ thread: Thread, onChanged: () => void, onClose: () => void }} props */
function ConsentDialog({ thread, onChanged, onClose }) {
  const group = useId();
  const [chosen, choose] = useState(/** @type {Value | null} */ (null));
  const [isSure, setSure] = useState(false);
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const [set, busy] = useMutation(MessagesSetConsent);
  const choices = CHOICES.filter(({ value }) => value !== thread.consent);
  const law = CHOICES.find(({ value }) => value === chosen)?.law ?? [];

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy || !thread.phoneNumber) return;
    if (!chosen) return setProblem('Choose what they said.');
    if (!isSure) return setProblem('Confirm that this is what they said.');
    setProblem(null);
    const { phoneNumber, participant } = thread;
    const changed = await set({ input: { phoneNumberId: phoneNumber.id, participant, consent: chosen } });
    const [first] = changed.userErrors;
    if (!changed.ok) return setProblem(first ? sentence(first.message) : changed.problem);
    say('The consent is recorded. It applies to all your numbers.');
    onChanged();
    onClose();
  };

  return html`<${Dialog} title="Record consent" onClose=${onClose}>
    <form onSubmit=${submit} novalidate>
      <p>What <${Party} value=${thread.participant} /> told you otherwise than by text. It applies to all your numbers and is kept in the audit trail.</p>
      <fieldset><legend>What they said</legend>
        <div class="radios">${choices.map(
          ({ value, label }) =>
            html`<label key=${value}><input type="radio" name=${group} checked=${chosen === value} onChange=${() => {
              choose(value);
              setSure(false);
            }} /> ${label}</label>`,
        )}</div>
      </fieldset>
      <div role="status">${law.length > 0 && html`<div class="notice"><div>${law.map((text) => html`<p key=${text}>${text}</p>`)}</div></div>`}</div>
      ${
        chosen &&
        html`<label class="sure"><input type="checkbox" checked=${isSure} onChange=${(/** @type {Event} */ event) => setSure(/** @type {HTMLInputElement} */ (event.currentTarget).checked)} />
        ${chosen === 'IMPLIED' ? 'The entry was a mistake' : 'They told us so themselves'}</label>`
      }
      ${problem && html`<${Notice} kind="error">${problem}</${Notice}>`}
      <div class="actions end">
        <${Button} onClick=${onClose}>Cancel</${Button}>
        <${Button} kind="primary" type="submit" busy=${busy}>Record</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}
