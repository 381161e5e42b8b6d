// Deletes the agent, after asking what happens to its numbers.

import { useState } from 'preact/hooks';

import { AgentDelete } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Loading } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { FormErrors, TextField } from '../../ui/form.js';
import { Progress, useStarted } from '../../ui/progress.js';
import { isSettled } from '../numbers/words.js';

/** @typedef {import('../agent.js').Agent} Agent */

/** @param {{ agent: Agent, onClose: () => void, onStarted: (operationId: string) => void }} props */
export function DeleteDialog({ agent, onClose, onStarted }) {
  const form = useForm({ typed: '', keepsNumbers: false });
  const [isMissing, setMissing] = useState(false);
  const [remove, busy] = useMutation(AgentDelete);
  const started = useStarted({ kind: 'DELETE_AGENT', agentId: agent.id }, busy);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const isRight = plain(form.values.typed) === plain(agent.name);
    setMissing(!isRight);
    if (!isRight) return;
    const changed = await remove({ input: { id: agent.id, keepPhoneNumbers: form.values.keepsNumbers } });
    const operation = changed.data?.deleteAgent?.operation;
    if (!operation) {
      form.settle(changed);
      return;
    }
    form.reset({ typed: '', keepsNumbers: false });
    onStarted(operation.id);
  };
  const hint = html`${isMissing && html`<span class="field-error" role="alert">This is not the agent’s name. </span>`}Type <b><bdi>${agent.name}</bdi></b> to confirm.`;

  return html`<${Dialog} title="Delete the agent?" onClose=${busy ? undefined : onClose}>
    <ul>
      <li>It takes no new calls from now on. Calls under way end normally.</li>
      <li>Its past calls, their costs and the trail stay.</li>
      <li>Its token stops working.</li>
      <li>This cannot be undone.</li>
    </ul>
    <form onSubmit=${submit} novalidate>
      ${agent.phoneNumbers.nodes.length > 0 && html`<${ItsNumbers} agent=${agent} form=${form} />`}
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

/** Whether its numbers are released or kept. @param {{ agent: Agent, form: import('../../ui/form.js').Form }} props */
function ItsNumbers({ agent, form }) {
  const { nodes, pageInfo } = agent.phoneNumbers;
  const isOne = nodes.length === 1 && !pageInfo.hasNextPage;
  const priceOf = (/** @type {typeof nodes} */ numbers) =>
    pageInfo.hasNextPage
      ? 'for them'
      : `${money(numbers.reduce((sum, { monthlyCost }) => sum + Number(monthlyCost), 0))} a month`;
  const kept = nodes.filter(isSettled);
  const { keepsNumbers } = form.values;
  const choice = (/** @type {boolean} */ value, /** @type {string} */ words, /** @type {string} */ hint) =>
    html`<label><input type="radio" name="numbers" checked=${keepsNumbers === value} onChange=${() => form.set('keepsNumbers', value)} />
      <span>${words} <span class="hint block">${hint}</span></span></label>`;
  return html`<fieldset><legend>${isOne ? 'Its number' : 'Its numbers'}</legend>
    <div class="form"><ul class="plain scroll short">${nodes.map(
      ({
        id,
        friendlyName,
        label,
        status,
        monthlyCost,
      }) => html`<li key=${id}><b class="nowrap">${friendlyName}</b> ${label && html`<bdi class="label">${label}</bdi> `}
        <span class="muted">(${money(monthlyCost)} a month${!isSettled({ status }) && ', being released: it cannot be kept'})</span></li>`,
    )}
      ${pageInfo.hasNextPage && html`<li>and more</li>`}</ul>
    <div class="radios">
      ${choice(
        false,
        isOne ? 'Release it' : 'Release them',
        `${isOne ? 'It is' : 'They are'} released at once, without a time to undo. You no longer pay ${priceOf(nodes)}, and may not get ${isOne ? 'it' : 'them'} back.`,
      )}
      ${
        kept.length > 0 &&
        choice(
          true,
          isOne ? 'Keep it in the pool' : 'Keep them in the pool',
          `You still pay ${priceOf(kept)}, and can assign ${isOne ? 'it' : 'them'} to another agent. Until then callers hear that nobody can take the call, unless a routing rule decides otherwise.`,
        )
      }
    </div></div></fieldset>`;
}
