// The tenant's own name for a number.

import { useForm } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { FormErrors, TextField } from '../../ui/form.js';
import { inSentences } from '../../ui/progress.js';
import { useAssignment } from './use_assignment.js';
import { LONGEST_LABEL } from './words.js';

/** @typedef {Pick<import('../../generated/types').NumberRowFragment, 'id' | 'number' | 'agent' | 'callGroup' | 'label'>} HeldNumber */

/** @param {{ number: HeldNumber, onChanged: () => void, onClose: () => void }} props */
export function LabelDialog({ number, onChanged, onClose }) {
  const form = useForm({ label: number.label ?? '' });
  const [change, busy] = useAssignment();

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const label = form.values.label.trim() || null;
    const result = await change(number, { label });
    form.settle(inSentences(result));
    onChanged();
    if (!result.ok) return;
    form.reset(form.values);
    say(label === null ? 'The label is removed.' : 'The label is saved.');
    onClose();
  };

  return html`<${Dialog} title=${`Label of ${number.number}`} onClose=${busy ? undefined : onClose}>
    <form onSubmit=${submit} novalidate>
      <${TextField} form=${form} name="label" label="Label" maxlength=${LONGEST_LABEL} hint="Your own name for the number, such as “Front desk”. Callers do not hear it. Leave it empty to remove it." />
      <${FormErrors} form=${form} fields=${['label']} />
      <div class="actions end">
        <${Button} onClick=${onClose} disabled=${busy}>Cancel</${Button}>
        <${Button} type="submit" kind="primary" busy=${busy}>Save the label</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}
