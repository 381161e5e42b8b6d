// The agent's settings. Only what was changed is sent.

import { useEffect } from 'preact/hooks';

import { AgentUpdate } from '../../generated/operations.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, say, Section } from '../../ui/basic.js';
import { Checkbox, FormErrors, Select, TextArea, TextField } from '../../ui/form.js';
import { languageOptions } from '../../ui/names.js';
import { MESSAGING_HINT, MESSAGING_OPTIONS } from './messaging.js';

/** @typedef {import('../agent.js').Agent} Agent */

const FIELDS = ['name', 'language', 'firstMessage', 'fallbackNumber', 'prompt', 'voiceId', 'messaging', 'helpText'];

/** @param {Pick<Agent, 'name' | 'language' | 'firstMessage' | 'fallbackNumber' | 'messaging' | 'helpText'>} agent */
function valuesOf({ name, language, firstMessage, fallbackNumber, messaging, helpText }) {
  return {
    name,
    language,
    firstMessage: firstMessage ?? '',
    fallbackNumber: fallbackNumber ?? '',
    messaging,
    helpText: helpText ?? '',
    prompt: '',
    standardPrompt: false,
    voiceId: '',
    standardVoice: false,
  };
}

/** @typedef {ReturnType<typeof valuesOf>} Values */

/**
 * What is sent: the changed fields. Null goes back to the standard.
 * @param {Agent} agent
 * @param {Values} values
 */
function changesOf(agent, values) {
  const before = valuesOf(agent);
  const input = /** @type {import('../../generated/types').UpdateAgentInput} */ ({ id: agent.id });
  if (values.name !== before.name) input.name = values.name;
  if (values.language !== before.language) input.language = values.language;
  if (values.firstMessage !== before.firstMessage) input.firstMessage = values.firstMessage.trim() || null;
  if (values.fallbackNumber !== before.fallbackNumber) input.fallbackNumber = values.fallbackNumber.trim() || null;
  if (values.messaging !== before.messaging) input.messaging = values.messaging;
  if (values.helpText !== before.helpText) input.helpText = values.helpText.trim() || null;
  // The API returns neither: empty keeps what there is.
  if (values.standardPrompt) input.prompt = null;
  else if (values.prompt.trim()) input.prompt = values.prompt;
  if (values.standardVoice) input.voiceId = null;
  else if (values.voiceId.trim()) input.voiceId = values.voiceId.trim();
  return input;
}

/** @param {{ agent: Agent, onSaved: () => void }} props */
export function EditForm({ agent, onSaved }) {
  const form = useForm(valuesOf(agent));
  const [update, busy] = useMutation(AgentUpdate);
  const stored = JSON.stringify(valuesOf(agent));
  // Somebody else's change, unless it would overwrite what is being typed.
  useEffect(() => {
    if (!form.isDirty && !busy) form.reset(valuesOf(agent));
  }, [stored]);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    if (busy || !form.isDirty) return;
    const changed = await update({ input: changesOf(agent, form.values) });
    const saved = changed.data?.updateAgent?.agent;
    if (!saved) {
      form.settle(changed);
      requestAnimationFrame(() => /** @type {HTMLElement | null} */ (element.querySelector('[aria-invalid]'))?.focus());
      return;
    }
    form.reset(valuesOf(saved));
    if (saved.syncState === 'SYNCED') say('Saved. It applies from the next call.');
    else say('Saved, but the voice provider does not have the change yet: see the top of the page.', 'info');
    onSaved();
  };

  return html`<${Section} title="Settings">
    <form onSubmit=${submit} novalidate>
      <${Fields} form=${form} agent=${agent} />
      <${FormErrors} form=${form} fields=${FIELDS} />
      <div class="actions">
        <${Button} kind="primary" type="submit" busy=${busy} disabled=${!form.isDirty && !busy}>Save</${Button}>
        ${form.isDirty && html`<${Button} disabled=${busy} onClick=${() => form.reset(valuesOf(agent))}>Discard changes</${Button}>`}
      </div>
    </form>
  </${Section}>`;
}

/** @param {{ form: import('../../ui/form.js').Form, agent: Agent }} props */
function Fields({ form, agent }) {
  const { standardPrompt, standardVoice } = form.values;
  return html`<div class="form-grid">
      <${TextField} form=${form} name="name" label="Name of the practice" hint="As callers hear it." maxlength="100" required=${true} />
      <${Select} form=${form} name="language" label="Language" options=${languageOptions(agent.language)} />
      <${TextField} form=${form} name="fallbackNumber" label="Fallback number" type="tel" hint="Rings if the agent cannot take a call, such as +12125550123. Without one, callers hear a message." />
    </div>
    <${TextArea} form=${form} name="firstMessage" label="Greeting" rows="2" maxlength="2000" hint="The first sentence that callers hear. Leave it empty for a standard greeting with the name." />
    <div class="form-grid">
      <${Select} form=${form} name="messaging" label="Text messages to its numbers" options=${MESSAGING_OPTIONS} hint=${MESSAGING_HINT} />
    </div>
    <${TextArea} form=${form} name="helpText" label="Answer to the text HELP" rows="2" maxlength="1600" hint="Say who sends the texts and how to stop them. Leave it empty to send none. Where the carrier answers HELP itself, its answer is sent." />
    <${TextArea} form=${form} name="prompt" label="New instructions" rows="4" maxlength="20000" disabled=${standardPrompt}
      hint="The present instructions cannot be shown. Leave it empty to keep them." />
    <${Checkbox} form=${form} name="standardPrompt" label="Go back to the standard instructions" hint="Those of a receptionist who takes messages." />
    <${TextField} form=${form} name="voiceId" label="New voice" disabled=${standardVoice} hint="Id of a voice at ElevenLabs. Leave it empty to keep the present voice." />
    <${Checkbox} form=${form} name="standardVoice" label="Go back to the standard voice" />`;
}
