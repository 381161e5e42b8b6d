// Deletes the agent, after saying what happens to its numbers and calls.

import { useState } from 'preact/hooks';

import { AgentDelete } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Loading } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { FormErrors, TextField } from '../../ui/form.js';
import { Progress, useStarted } from '../../ui/progress.js';

/** @typedef {import('../agent.js').Agent} Agent */

/** @param {{ agent: Agent, onClose: () => void, onStarted: (operationId: string) => void }} props */
export function DeleteDialog({ agent, onClose, onStarted }) {
  const form = useForm({ typed: '' });
  const [isMissing, setMissing] = useState(false);
  const [remove, busy] = useMutation(AgentDelete);
  const started = useStarted({ kind: 'DELETE_AGENT', agentId: agent.id }, busy);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const isRight = plain(form.values.typed) === plain(agent.name);
    setMissing(!isRight);
    if (!isRight) return;
    const changed = await remove({ input: { id: agent.id } });
    const operation = changed.data?.deleteAgent?.operation;
    if (!operation) {
      form.settle(changed);
      return;
    }
    form.reset({ typed: '' });
    onStarted(operation.id);
  };
  const hint = html`${isMissing && html`<span class="field-error" role="alert">This is not the agent’s name. </span>`}Type <b><bdi>${agent.name}</bdi></b> to confirm.`;

  return html`<${Dialog} title="Delete the agent?" onClose=${busy ? undefined : onClose}>
    <${Consequences} agent=${agent} />
    <form onSubmit=${submit} novalidate>
      <${TextField} form=${form} name="typed" label="Name of the agent" hint=${hint} />
      <${FormErrors} form=${form} />
      ${busy && (started ? html`<${Progress} operationId=${started} />` : html`<${Loading} label="Deleting the agent." />`)}
      <div class="actions end">
        <${Button} onClick=${onClose} disabled=${busy}>Cancel</${Button}>
        <${Button} kind="danger" type="submit" busy=${busy}>Delete the agent</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}

/** Spaces and the encoding of letters do not matter. @param {string} text */
const plain = (text) => text.normalize('NFC').trim().replaceAll(/\s+/g, ' ');

/** @param {{ agent: Agent }} props */
function Consequences({ agent }) {
  const { nodes, pageInfo } = agent.phoneNumbers;
  return html`<ul>
    <li>It takes no new calls from now on. Calls under way end normally.</li>
    ${
      nodes.length > 0 &&
      html`<li>${nodes.length === 1 && !pageInfo.hasNextPage ? 'This number is' : 'These numbers are'} released at once, without a time to undo, and may not be available again:
      <ul class="scroll short">${nodes.map(({ id, friendlyName, monthlyCost }) => html`<li key=${id}><b class="nowrap">${friendlyName}</b> <span class="muted">(${money(monthlyCost)} a month)</span></li>`)}
        ${pageInfo.hasNextPage && html`<li>and more</li>`}</ul></li>`
    }
    <li>Its past calls, their costs and the trail stay.</li>
    <li>Its token stops working.</li>
    <li>This cannot be undone.</li>
  </ul>`;
}
