// Form fields. Each has a visible label, an optional hint, and the API's refusals right below, tied to the input for
// screen readers.

import { useId } from 'preact/hooks';

import { html } from '../lib/html.js';
import { Notice } from './basic.js';

/** @typedef {import('preact').ComponentChildren} Children */
/** @typedef {ReturnType<typeof import('../lib/hooks.js').useForm>} Form */
/** @typedef {import('../lib/hooks.js').Refusal} Refusal */

/**
 * @typedef {object} FieldProps
 * @property {Form} form
 * @property {string} name the form's value, and the last part of the path in the API's refusals unless `field` is given
 * @property {string} [field]
 * @property {Children} label
 * @property {Children} [hint]
 * @property {boolean} [required]
 */

/**
 * The frame of a field: label, input, hint, refusals.
 * @param {{ label: Children, hint?: Children, errors?: { message: string }[], required?: boolean, children: (props: Record<string, any>) => Children }} props
 */
export function Field({ label, hint, errors = [], required = false, children }) {
  const id = useId();
  const described = [hint ? `${id}-h` : '', errors.length > 0 ? `${id}-e` : ''].filter(Boolean).join(' ');
  const input = {
    id,
    required,
    'aria-describedby': described || undefined,
    'aria-invalid': errors.length > 0 ? 'true' : undefined,
  };
  return html`<div class="field">
    <label for=${id}>${label}${required && html` <span class="required" aria-hidden="true">*</span>`}</label>
    ${children(input)}
    ${hint && html`<div class="hint" id=${`${id}-h`}>${hint}</div>`}
    ${errors.length > 0 && html`<div class="field-error" id=${`${id}-e`} role="alert">${errors.map(({ message }) => html`<p key=${message}>${message}</p>`)}</div>`}
  </div>`;
}

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.currentTarget).value;

/**
 * One line of text.
 * @param {FieldProps & Record<string, any>} props further ones, such as `type` or `inputmode`, go to the input
 */
export function TextField({ form, name, field = name, label, hint, required, ...rest }) {
  return html`<${Field} label=${label} hint=${hint} required=${required} errors=${form.errorsOf(field)}>
    ${(
      /** @type {object} */ props,
    ) => html`<input ...${{ type: 'text', autocomplete: 'off', ...rest, ...props }} value=${form.values[name]}
      onInput=${(/** @type {Event} */ event) => form.set(name, valueOf(event))} />`}
  </${Field}>`;
}

/** Several lines of text. @param {FieldProps & Record<string, any>} props */
export function TextArea({ form, name, field = name, label, hint, required, ...rest }) {
  return html`<${Field} label=${label} hint=${hint} required=${required} errors=${form.errorsOf(field)}>
    ${(/** @type {object} */ props) => html`<textarea ...${{ rows: 4, ...rest, ...props }} value=${form.values[name]}
      onInput=${(/** @type {Event} */ event) => form.set(name, valueOf(event))}></textarea>`}
  </${Field}>`;
}

/**
 * One of several.
 * @param {FieldProps & { options: [string, string][] } & Record<string, any>} props `options`: value and words
 */
export function Select({ form, name, field = name, label, hint, required, options, ...rest }) {
  return html`<${Field} label=${label} hint=${hint} required=${required} errors=${form.errorsOf(field)}>
    ${(/** @type {object} */ props) => html`<select ...${{ ...rest, ...props }} value=${form.values[name]}
      onChange=${(/** @type {Event} */ event) => form.set(name, valueOf(event))}>
      ${options.map(([value, words]) => html`<option key=${value} value=${value} selected=${value === form.values[name]}>${words}</option>`)}
    </select>`}
  </${Field}>`;
}

/** Yes or no. @param {{ form: Form, name: string, label: Children, hint?: Children }} props */
export function Checkbox({ form, name, label, hint }) {
  const id = useId();
  return html`<div class="field check">
    <input type="checkbox" id=${id} checked=${Boolean(form.values[name])} aria-describedby=${hint ? `${id}-h` : undefined}
      onChange=${(/** @type {Event} */ event) => form.set(name, /** @type {HTMLInputElement} */ (event.currentTarget).checked)} />
    <label for=${id}>${label}</label>
    ${hint && html`<div class="hint" id=${`${id}-h`}>${hint}</div>`}
  </div>`;
}

/**
 * What this page itself finds wrong, as the API would say it.
 * @param {string | null} field last part of the path; null for none
 * @param {string} message
 * @returns {Refusal}
 */
export const fault = (field, message) => ({
  code: 'INVALID_INPUT',
  message,
  field: field === null ? null : ['input', field],
});

/** What came of a change that was not sent, for these reasons. @param {Refusal[]} faults @returns {import('../lib/hooks.js').Changed<any>} */
export const unsent = (...faults) => ({ data: undefined, userErrors: faults, problem: null, ok: false });

/**
 * The refusals that belong to none of the form's fields, and why there was no answer.
 * @param {{ form: Form, fields?: string[] }} props `fields`: those that show their own refusals
 */
export function FormErrors({ form, fields = [] }) {
  const messages = [...form.otherErrors(fields).map((error) => error.message), form.problem].filter(Boolean);
  if (messages.length === 0) return null;
  return html`<${Notice} kind="error">${messages.map((message) => html`<p key=${message}>${message}</p>`)}</${Notice}>`;
}

/**
 * A filter in a list's head: changes at once, belongs to no form.
 * @param {{ label: string, value: string, onChange: (value: string) => void, options?: [string, string][], problem?: string | null } & Record<string, any>} props
 * `problem`: why nothing can match
 */
export function Filter({ label, value, onChange, options, problem = null, ...rest }) {
  return html`<${Field} label=${label} errors=${problem ? [{ message: problem }] : []}>
    ${(/** @type {object} */ props) =>
      options
        ? html`<select ...${{ ...rest, ...props }} value=${value} onChange=${(/** @type {Event} */ event) => onChange(valueOf(event))}>
          ${options.map(([key, words]) => html`<option key=${key} value=${key} selected=${key === value}>${words}</option>`)}
        </select>`
        : html`<input ...${{ type: 'search', autocomplete: 'off', ...rest, ...props }} value=${value}
          onInput=${(/** @type {Event} */ event) => onChange(valueOf(event))} />`}
  </${Field}>`;
}
