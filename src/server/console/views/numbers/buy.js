// Buying a number: for whom, which one, at what price; then the purchase step by step.

import { useRef, useState } from 'preact/hooks';

import { NumbersBuy } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { newKey } from '../../lib/key.js';
import * as router from '../../lib/router.js';
import { Button, Loading, Notice } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { Checkbox, fault, FormErrors, Select, TextField, unsent } from '../../ui/form.js';
import { countryOptions, hasAreaCodes } from '../../ui/names.js';
import { Progress, sentence, useStarted } from '../../ui/progress.js';
import { ANY, OnSale, useOnSale } from './on_sale.js';
import { AgentSearch, useAgents, useOnlyAgent } from './use_agents.js';
import { LONGEST_LABEL, TYPE_OPTIONS } from './words.js';

/** @typedef {import('../../generated/types').NumbersAgentFragment} Agent */
/** @typedef {{ agentId: string, country: string, type: string, areaCode: string, contains: string, number: string, elsewhere: boolean, label: string }} Values */
/** @typedef {{ onClose: () => void, onBought: () => void }} Callbacks */

/** Fields that show their own refusals. */
const FIELDS = ['agentId', 'country', 'type', 'areaCode', 'number', 'contains', 'label'];

/** @param {{ agentId: string | null } & Callbacks} props `agentId`: for whom, chosen in advance */
export function BuyNumber({ agentId, onClose, onBought }) {
  const form = useForm(
    /** @returns {Values} */ (() => ({
      agentId: agentId ?? '',
      country: 'US',
      type: 'LOCAL',
      areaCode: '',
      contains: '',
      number: ANY,
      elsewhere: false,
      label: '',
    }))(),
  );
  const [bought, setBought] = useState(/** @type {string | null} */ (null));
  const close = () => {
    if (form.isDirty && !bought && !confirm('Close without buying? What you typed will be lost.')) return;
    onClose();
  };
  return html`<${Dialog} title="Buy a number" wide onClose=${close}>
    ${
      bought
        ? html`<${Bought} operationId=${bought} onClose=${onClose} onBought=${onBought} onAgain=${() => setBought(null)} />`
        : html`<${Choice} form=${form} onClose=${close} onBought=${onBought} onStarted=${(/** @type {string} */ id) => {
            form.reset(form.values);
            setBought(id);
          }} />`
    }
  </${Dialog}>`;
}

/** @param {{ form: any, onClose: () => void, onBought: () => void, onStarted: (operationId: string) => void }} props */
function Choice({ form, onClose, onBought, onStarted }) {
  const values = /** @type {Values} */ (form.values);
  const { agentId, country, type, areaCode, number } = values;
  const agents = useAgents(agentId);
  const agent = agents.known.find(({ id }) => id === agentId);
  const held = agent?.phoneNumbers.nodes[0]?.number;
  const sale = useOnSale(values);
  const [buy, busy] = useMutation(NumbersBuy);
  const started = useStarted({ kind: 'PROVISION_NUMBER', agentId }, busy);
  const key = useRef('');
  const price = sale.priceOf(number);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    if (!agentId) {
      form.settle(unsent(fault('agentId', 'Choose the agent that answers calls to the number.')));
      return;
    }
    if (values.contains.trim() !== '' && values.number === ANY) {
      form.settle(unsent(fault('number', 'Choose a number, or empty the field “Containing”.')));
      return;
    }
    key.current ||= newKey();
    const result = await buy({ input: inputOf(values, Boolean(held), key.current) });
    // Without an answer the number may have been bought: the same key then finds that purchase again.
    if (!result.problem) key.current = '';
    const payload = result.data?.provisionPhoneNumber;
    form.settle({ ...result, userErrors: result.userErrors.map(plain) });
    if (payload?.operation) onBought();
    if (payload?.operation && result.ok) onStarted(payload.operation.id);
    else if (!result.ok) sale.refetch();
  };

  if (busy && started) return html`<${Progress} operationId=${started} />`;
  const set = (/** @type {Partial<Values>} */ changes) => {
    for (const [name, value] of Object.entries(changes)) form.set(name, value);
  };
  return html`<form onSubmit=${submit} novalidate>
    <${AgentChoice} form=${form} agents=${agents} />
    ${held && html`<p class="hint">This agent already has the number ${held}. It gets another one, and answers calls to both.</p>`}
    <div class="form-grid">
      <${Select} form=${form} name="country" label="Country" options=${countryOptions()} />
      <${Select} form=${form} name="type" label="Kind" options=${TYPE_OPTIONS} />
      ${
        hasAreaCodes(country) &&
        html`<${TextField} form=${form} name="areaCode" label="Area code" inputmode="numeric" maxlength="3"
        hint=${type === 'TOLL_FREE' ? 'A prefix such as 888, or empty for any' : 'Three digits, or empty for any'} />`
      }
      <${TextField} form=${form} name="contains" label="Containing" maxlength="16" hint="Digits or letters, or empty for any" />
    </div>
    <${Suggested} form=${form} onChoose=${(/** @type {string} */ code) => set({ areaCode: code, number: ANY })} />
    <${OnSale} form=${form} sale=${sale} />
    ${
      hasAreaCodes(country) &&
      areaCode !== '' &&
      number === ANY &&
      html`<${Checkbox} form=${form} name="elsewhere" label="If that area code has none left, buy any other number in the country" />`
    }
    <${TextField} form=${form} name="label" label="Label" maxlength=${LONGEST_LABEL} hint="Your own name for the number, such as “Front desk”. It may stay empty." />
    <${KeyReused} form=${form} />
    <${FormErrors} form=${form} fields=${FIELDS} />
    <div class="actions end">
      <${Button} onClick=${onClose}>Cancel</${Button}>
      <${Button} type="submit" kind="primary" busy=${busy}>${price === null ? 'Buy a number' : `${number === ANY ? 'Buy a number' : `Buy ${number}`} for ${money(price)} a month`}</${Button}>
    </div>
  </form>`;
}

/** The refusals whose words are for programmers, in words for this form. @param {import('../../lib/hooks.js').Refusal} error */
function plain(error) {
  if (error.code !== 'NO_AVAILABLE_NUMBERS') return { ...error, message: sentence(error.message) };
  return {
    ...error,
    message: 'No such number is on sale. Choose another area code or kind, or leave the area code empty.',
  };
}

/**
 * @param {Values} values
 * @param {boolean} additional
 * @param {string} idempotencyKey
 * @returns {import('../../generated/types').ProvisionPhoneNumberInput}
 */
function inputOf({ agentId, country, type, areaCode, number, elsewhere, label }, additional, idempotencyKey) {
  const wantsAny = number === ANY;
  return {
    agentId,
    additional,
    country,
    type: /** @type {import('../../generated/types').PhoneNumberType} */ (type),
    areaCode: wantsAny && hasAreaCodes(country) ? areaCode.trim() || null : null,
    number: wantsAny ? null : number,
    ifUnavailable: wantsAny && areaCode && elsewhere ? 'ANY_IN_COUNTRY' : 'FAIL',
    label: label.trim() || null,
    idempotencyKey,
  };
}

/** @param {{ form: any, agents: ReturnType<typeof useAgents> }} props */
function AgentChoice({ form, agents }) {
  const { known, search, read } = agents;
  useOnlyAgent(form, agents);
  if (!read.data && read.loading) return html`<${Loading} label="Loading the agents…" />`;
  if (known.length === 0 && search === '' && !read.problem) {
    const create = html`<a class="button" href=${router.href('/agents/new')}>Create an agent</a>`;
    return html`<${Notice} kind="warning" action=${create}>You have no agents. A number needs an agent that answers it; a new agent can get its number at once.</${Notice}>`;
  }
  const unknown = form.values.agentId && !known.some(({ id }) => id === form.values.agentId);
  return html`<div class="form-grid">
    <${AgentSearch} agents=${agents} />
    <${Select} form=${form} name="agentId" label="Agent" required hint=${read.problem ?? undefined} options=${[
      ['', 'Choose an agent'],
      ...(unknown ? [[form.values.agentId, 'An agent that is not known']] : []),
      ...known.map(({ id, name }) => [id, name]),
    ]} />
  </div>`;
}

/** Area codes that have numbers on sale, after one had none. @param {{ form: any, onChoose: (code: string) => void }} props */
function Suggested({ form, onChoose }) {
  /** @type {string[]} */
  const codes = form.userErrors.flatMap(
    (/** @type {import('../../lib/hooks.js').Refusal} */ error) => error.suggestedAreaCodes ?? [],
  );
  if (codes.length === 0) return null;
  return html`<div class="actions"><span>Area codes with numbers on sale:</span>
    ${codes.map((code) => html`<${Button} key=${code} onClick=${() => onChoose(code)}>${code}</${Button}>`)}</div>`;
}

/** @param {{ form: any }} props */
function KeyReused({ form }) {
  const isReused = form.userErrors.some(
    (/** @type {import('../../lib/hooks.js').Refusal} */ { code }) => code === 'IDEMPOTENCY_KEY_REUSED',
  );
  if (!isReused) return null;
  return html`<${Notice} kind="warning">The answer to an earlier try was lost, and that try may have bought a number. Close this dialog and look at your numbers before you buy again.</${Notice}>`;
}

/** @param {{ operationId: string, onAgain: () => void } & Callbacks} props */
function Bought({ operationId, onClose, onBought, onAgain }) {
  const [ended, setEnded] = useState(/** @type {import('../../ui/progress.js').Operation | null} */ (null));
  const done = (/** @type {import('../../ui/progress.js').Operation} */ operation) => {
    setEnded(operation);
    onBought();
  };
  const number = ended?.state === 'SUCCEEDED' ? ended.phoneNumber : null;
  return html`
    <${Progress} operationId=${operationId} onDone=${done} />
    ${number && html`<${Notice} kind="success">${number.number} is yours, and its agent answers calls to it from now on.</${Notice}>`}
    ${!ended && html`<p class="hint">You can close this dialog: the purchase continues.</p>`}
    <div class="actions end">
      ${ended?.state === 'FAILED' && html`<${Button} onClick=${onAgain}>Choose again</${Button}>`}
      ${number && html`<a class="button" href=${router.href(`/numbers/${number.id}`)}>Open the number</a>`}
      <${Button} kind="primary" onClick=${onClose}>${ended ? 'Done' : 'Close'}</${Button}>
    </div>`;
}
