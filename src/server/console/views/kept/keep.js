// Begins to keep a number of another carrier: a number is bought to which its calls are forwarded.

import { useRef, useState } from 'preact/hooks';

import { KeptKeep } from '../../generated/operations.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { newKey } from '../../lib/key.js';
import * as router from '../../lib/router.js';
import { Button, Notice, Problem } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { fault, FormErrors, Select, TextField, unsent } from '../../ui/form.js';
import { inSentences, Progress, useStarted } from '../../ui/progress.js';
import { AgentSearch, useAgents, useOnlyAgent } from '../numbers/use_agents.js';
import { CheckPortability } from './portability.js';

/** @typedef {{ number: string, agentId: string, areaCode: string }} Values */

const FIELDS = ['number', 'agentId', 'areaCode'];

/** @param {{ onKept: () => void, onClose: () => void }} props */
export function KeepNumber({ onKept, onClose }) {
  const form = useForm(/** @returns {Values} */ (() => ({ number: '', agentId: '', areaCode: '' }))());
  const [kept, setKept] = useState(/** @type {{ id: string, operationId: string } | null} */ (null));
  const close = () => {
    if (form.isDirty && !kept && !confirm('Close without keeping the number? What you typed will be lost.')) return;
    onClose();
  };
  const started = (/** @type {string} */ id, /** @type {string} */ operationId) => {
    form.reset(form.values);
    setKept({ id, operationId });
    onKept();
  };
  return html`<${Dialog} title="Keep a number" onClose=${close}>
    ${
      kept
        ? html`<${Purchase} kept=${kept} onKept=${onKept} onClose=${onClose} />`
        : html`<${Choice} form=${form} onStarted=${started} onClose=${close} />`
    }
  </${Dialog}>`;
}

/** @param {{ form: any, onStarted: (id: string, operationId: string) => void, onClose: () => void }} props */
function Choice({ form, onStarted, onClose }) {
  const values = /** @type {Values} */ (form.values);
  const agents = useAgents(values.agentId);
  const [keep, busy] = useMutation(KeptKeep);
  const started = useStarted({ kind: 'KEEP_NUMBER', agentId: values.agentId }, busy && values.agentId !== '');
  const key = useRef('');
  useOnlyAgent(form, agents);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    if (!values.agentId) {
      form.settle(unsent(fault('agentId', 'Choose the agent that answers the number’s calls.')));
      return;
    }
    key.current ||= newKey();
    const { number, agentId, areaCode } = values;
    const result = await keep({
      input: { number: number.trim(), agentId, areaCode: areaCode.trim() || null, idempotencyKey: key.current },
    });
    // Without an answer a number may have been bought: the same key then finds it again.
    if (!result.problem) key.current = '';
    form.settle(inSentences(result));
    const payload = result.data?.keepPhoneNumber;
    if (result.ok && payload?.keptNumber && payload.operation) onStarted(payload.keptNumber.id, payload.operation.id);
  };
  if (busy && started) return html`<${Progress} operationId=${started} />`;
  return html`<form onSubmit=${submit} novalidate>
    <p>A number is bought for the agent, and you forward your calls to it. It costs its monthly price until you release it. Your own number stays at its carrier until you port it.</p>
    <${TextField} form=${form} name="number" label="Your number at the other carrier" type="tel" required maxlength="32" hint="With its country code, such as +12125550123" />
    <${CheckPortability} number=${values.number.trim()} />
    <${Problem} read=${agents.read} />
    <${AgentSearch} agents=${agents} />
    <${Select} form=${form} name="agentId" label="Agent" required options=${[['', 'Choose an agent'], ...agents.known.map(({ id, name }) => [id, name])]} />
    <${TextField} form=${form} name="areaCode" label="Area code of the bought number" inputmode="numeric" maxlength="3" hint="Empty: that of your number, or another of its country" />
    <${FormErrors} form=${form} fields=${FIELDS} />
    <div class="actions end">
      <${Button} onClick=${onClose} disabled=${busy}>Cancel</${Button}>
      <${Button} type="submit" kind="primary" busy=${busy}>Keep the number</${Button}>
    </div>
  </form>`;
}

/** @param {{ kept: { id: string, operationId: string }, onKept: () => void, onClose: () => void }} props */
function Purchase({ kept, onKept, onClose }) {
  const [state, setState] = useState('');
  const done = (/** @type {{ state: string }} */ operation) => {
    setState(operation.state);
    onKept();
  };
  return html`
    <${Progress} operationId=${kept.operationId} onDone=${done} />
    ${state === 'SUCCEEDED' && html`<${Notice} kind="success">Next, forward the calls of your number: the codes to dial are on its page.</${Notice}>`}
    ${state === '' && html`<p class="hint">You can close this dialog: the work continues.</p>`}
    <div class="actions end">
      <${Button} onClick=${onClose}>Close</${Button}>
      ${state !== 'FAILED' && html`<a class="button primary" href=${router.href(`/numbers/kept/${encodeURIComponent(kept.id)}`)}>Open the kept number</a>`}
    </div>`;
}
