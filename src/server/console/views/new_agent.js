// Creates an agent, and buys a number for it, in one form.

import { useRef, useState } from 'preact/hooks';

import { NewAgentCreate } from '../generated/operations.js';
import { useForm, useMutation, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import { newKey } from '../lib/key.js';
import * as router from '../lib/router.js';
import { Button, Loading, Notice, Section, ViewHead } from '../ui/basic.js';
import { Checkbox, FormErrors, Select, TextArea, TextField } from '../ui/form.js';
import { languageOptions } from '../ui/names.js';
import { Progress, useStarted } from '../ui/progress.js';
import {
  areaCodeOf,
  buyLabel,
  NUMBER_FIELDS,
  NUMBER_VALUES,
  NumberChoice,
  useOnSale,
} from './new_agent/number_choice.js';
import { Result } from './new_agent/result.js';
import { MESSAGING_HINT, MESSAGING_OPTIONS } from './agent/messaging.js';

/** @typedef {import('./new_agent/result.js').Created} Created */

const VALUES = {
  name: '',
  language: 'en',
  firstMessage: '',
  prompt: '',
  fallbackNumber: '',
  messaging: 'NOTIFY',
  withoutNumber: false,
  ...NUMBER_VALUES,
};
const AGENT_FIELDS = ['name', 'language', 'firstMessage', 'prompt', 'fallbackNumber', 'messaging'];

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Create an agent');
  const form = useForm(VALUES);
  const [created, setCreated] = useState(/** @type {Created | null} */ (null));
  const back = { href: router.href('/agents'), label: 'Agents' };
  // To a form that was filled in before, after a creation that failed.
  const again = () => setCreated(null);
  return html`
    <${ViewHead} title="Create an agent" heading=${heading} back=${back} />
    ${session.role === 'AGENT' && html`<${Notice} kind="warning">This token belongs to one agent and cannot create others. Sign in with your own.</${Notice}>`}
    ${session.role !== 'AGENT' && !created && html`<${CreateForm} form=${form} onCreated=${setCreated} />`}
    ${created && html`<${Result} created=${created} onAgain=${again} />`}`;
}

/** @param {{ form: ReturnType<typeof useForm>, onCreated: (created: Created) => void }} props */
function CreateForm({ form, onCreated }) {
  const { values } = form;
  const [submit, busy] = useSubmit(form, onCreated);
  const onSale = useOnSale(/** @type {any} */ (values), !values.withoutNumber);
  const started = useStarted({ kind: 'CREATE_AGENT' }, busy, values.name.trim());
  const fields = values.withoutNumber ? AGENT_FIELDS : [...AGENT_FIELDS, ...NUMBER_FIELDS];
  return html`<form onSubmit=${submit} novalidate>
    <${AgentFields} form=${form} />
    <${Section} title="Number">
      <div class="form">
        <${Checkbox} form=${form} name="withoutNumber" label="Without a number" hint="Nothing is bought. You can buy a number later; until then nobody can call the agent." />
        ${!values.withoutNumber && html`<${NumberChoice} form=${form} onSale=${onSale} />`}
      </div>
    </${Section}>
    <${FormErrors} form=${form} fields=${fields} />
    ${busy && (started ? html`<${Section} title="Progress"><${Progress} operationId=${started} withoutNumber=${values.withoutNumber} /></${Section}>` : html`<${Loading} label="Creating the agent. This takes a few seconds." />`)}
    <div class="actions">
      <${Button} kind="primary" type="submit" busy=${busy}>${values.withoutNumber ? 'Create without a number' : buyLabel('Create and buy', onSale.price)}</${Button}>
      <a class="button quiet" href=${router.href('/agents')}>Cancel</a>
    </div>
  </form>`;
}

/** @param {{ form: ReturnType<typeof useForm> }} props */
function AgentFields({ form }) {
  return html`<${Section} title="Agent">
    <div class="form">
      <div class="form-grid">
        <${TextField} form=${form} name="name" label="Name of the practice" hint="As callers hear it." maxlength="100" required=${true} />
        <${Select} form=${form} name="language" label="Language" options=${languageOptions()} />
        <${TextField} form=${form} name="fallbackNumber" label="Fallback number" type="tel" hint="Rings if the agent cannot take a call, such as +12125550123. Without one, callers hear a message." />
        <${Select} form=${form} name="messaging" label="Text messages to its numbers" options=${MESSAGING_OPTIONS} hint=${MESSAGING_HINT} />
      </div>
      <${TextArea} form=${form} name="firstMessage" label="Greeting" rows="2" maxlength="2000" hint="The first sentence that callers hear. Leave it empty for a standard greeting with the name." />
      <${TextArea} form=${form} name="prompt" label="Instructions" rows="4" maxlength="20000" hint="What the agent knows and does. Leave it empty for a receptionist who takes messages." />
    </div>
  </${Section}>`;
}

/** What is sent, without the key. @param {Record<string, any>} values */
function inputOf(values) {
  const optional = (/** @type {string} */ text) => text.trim() || null;
  const agent = {
    name: values.name,
    language: values.language,
    firstMessage: optional(values.firstMessage),
    prompt: optional(values.prompt),
    fallbackNumber: optional(values.fallbackNumber),
    messaging: values.messaging,
  };
  if (values.withoutNumber) return { ...agent, provisionPhone: false };
  const { country, ifUnavailable } = values;
  const areaCode = areaCodeOf(/** @type {any} */ (values));
  return { ...agent, provisionPhone: true, country, areaCode, ifUnavailable };
}

/**
 * Sends the form. The same key goes with every attempt until one is answered, so that an attempt whose answer was lost creates
 * no second agent.
 * @param {ReturnType<typeof useForm>} form
 * @param {(created: Created) => void} onCreated
 * @returns {[(event: Event) => Promise<void>, boolean]}
 */
function useSubmit(form, onCreated) {
  const [create, busy] = useMutation(NewAgentCreate);
  const key = useRef(newKey());
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    if (busy) return;
    const sent = form.values;
    const changed = await create({ input: /** @type {any} */ ({ ...inputOf(sent), idempotencyKey: key.current }) });
    const payload = changed.data?.createAgent;
    if (!payload?.operation) {
      form.settle(explained(changed));
      if (changed.userErrors.some(({ code }) => code === 'IDEMPOTENCY_KEY_REUSED')) key.current = newKey();
      requestAnimationFrame(() => focusError(element));
      return;
    }
    key.current = newKey();
    form.settle({ ...changed, userErrors: payload.agent ? [] : changed.userErrors });
    // Leaving loses nothing any more, unless the creation fails: then the values are still there.
    form.reset(sent);
    const { agent, operation, apiToken } = payload;
    onCreated({
      operationId: operation.id,
      agentId: agent?.id ?? null,
      token: apiToken,
      withoutNumber: sent.withoutNumber,
    });
  };
  return [submit, busy];
}

/**
 * @template Data
 * @param {import('../lib/hooks.js').Changed<Data>} changed
 */
function explained(changed) {
  const userErrors = changed.userErrors.map((error) =>
    error.code === 'IDEMPOTENCY_KEY_REUSED'
      ? {
          ...error,
          field: null,
          message:
            'An earlier attempt with other values was carried out: look at the list of agents. Submit again to create another agent.',
        }
      : error,
  );
  return { ...changed, userErrors };
}

/** Moves the focus to the first field with an error. @param {HTMLFormElement} form */
function focusError(form) {
  /** @type {HTMLElement | null} */ (form.querySelector('[aria-invalid]'))?.focus();
}
