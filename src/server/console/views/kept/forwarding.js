// How the calls of a kept number are forwarded, and the call that proves it.

import { useState } from 'preact/hooks';

import { KeptAnnounce } from '../../generated/operations.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Copy, Loading, Notice, say, Section } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { FormErrors, TextField } from '../../ui/form.js';
import { inSentences } from '../../ui/progress.js';

/** @typedef {import('./number.js').KeptNumber} KeptNumber */

/** @param {{ kept: KeptNumber, canChange: boolean, onChanged: () => void }} props */
export function Forwarding({ kept, canChange, onChanged }) {
  const { state, target, forwardingInstructions } = kept;
  const [isTesting, setTesting] = useState(false);
  if (state === 'DONE') return null;
  if (!target) {
    // Without a target for good, the page's head says why.
    return state === 'FORWARDING'
      ? html`<${Section} title="Forward the calls"><${Loading} label="A number is being bought for it…" /></${Section}>`
      : null;
  }
  const test =
    canChange &&
    state === 'FORWARDING' &&
    html`<${Button} onClick=${() => setTesting(true)}>Announce a test call…</${Button}>`;
  return html`<${Section} title="Forward the calls" actions=${test}>
    <p>Forward the calls of ${kept.number} to <b class="phone">${target.number}</b> <${Copy} text=${target.number} label="Copy the number" /></p>
    ${forwardingInstructions && html`<p class="instructions">${forwardingInstructions}</p>`}
    ${state === 'FORWARDING' && html`<p class="hint">Then call ${kept.number} from another phone. This page says when the call has arrived. If it does not, though the agent answered, announce the test call first.</p>`}
    ${state === 'VERIFIED' && html`<${Notice} kind="success">A forwarded call has arrived: callers of ${kept.number} reach the agent.</${Notice}>`}
    ${isTesting && html`<${TestCall} kept=${kept} onChanged=${onChanged} onClose=${() => setTesting(false)} />`}
  </${Section}>`;
}

/** @param {{ kept: KeptNumber, onChanged: () => void, onClose: () => void }} props */
function TestCall({ kept, onChanged, onClose }) {
  const form = useForm({ from: '' });
  const [announce, busy] = useMutation(KeptAnnounce);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const result = await announce({ input: { keptNumberId: kept.id, from: form.values.from.trim() } });
    form.settle(inSentences(result));
    onChanged();
    if (!result.ok) return;
    form.reset(form.values);
    say(`Call ${kept.number} now.`, 'info');
    onClose();
  };
  return html`<${Dialog} title="Announce a test call" onClose=${busy ? undefined : onClose}>
    <form onSubmit=${submit} novalidate>
      <p>Some carriers do not say which number forwarded a call. Then the call is known by its caller: say from which phone you call, and call ${kept.number} within 15 minutes.</p>
      <${TextField} form=${form} name="from" label="The phone you call from" type="tel" required maxlength="32" hint="With its country code, and not hidden. Not the kept number itself." />
      <${FormErrors} form=${form} fields=${['from']} />
      <div class="actions end">
        <${Button} onClick=${onClose} disabled=${busy}>Cancel</${Button}>
        <${Button} type="submit" kind="primary" busy=${busy}>Announce the call</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}
