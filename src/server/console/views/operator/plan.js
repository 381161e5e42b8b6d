// A tenant's plan: its name, its limits, and what may be dialled.

import { useRef } from 'preact/hooks';

import { OperatorSetPlan } from '../../generated/operations.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { Checkbox, fault, FormErrors, Select, TextField, unsent } from '../../ui/form.js';
import { countryName } from '../../ui/names.js';
import { short } from './tenant.js';

/** @typedef {import('../../generated/types').OperatorTenantFragment} Tenant */
/** @typedef {{ userId: string, name: string, concurrentCalls: string, phoneNumbers: string, dialing: string, dialCountries: string, dialPremiumNumbers: boolean }} Values */
/** @typedef {import('../../lib/hooks.js').Refusal} Refusal */

const FIELDS = ['userId', 'name', 'concurrentCalls', 'phoneNumbers', 'dialCountries'];

/** GraphQL's own `Int` ends here; the API itself says what a plan may have. */
const LARGEST = 2 ** 31 - 1;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * @param {Tenant | null} tenant
 * @returns {Values}
 */
function initial(tenant) {
  return {
    userId: tenant?.userId ?? '',
    name: tenant?.plan.name ?? '',
    concurrentCalls: tenant ? String(tenant.limits.concurrentCalls) : '',
    phoneNumbers: tenant ? String(tenant.limits.phoneNumbers) : '',
    dialing: tenant ? 'same' : 'server',
    dialCountries: tenant?.limits.dialCountries?.join(', ') ?? '',
    dialPremiumNumbers: tenant?.limits.dialPremiumNumbers ?? false,
  };
}

/**
 * @param {{ tenant: Tenant | null, onClose: () => void, onSaved: (said: string) => void }} props `tenant`: null for one that is not known yet
 */
export function PlanDialog({ tenant, onClose, onSaved }) {
  const form = useForm(initial(tenant));
  const [setPlan, busy] = useMutation(OperatorSetPlan, { platform: true });
  const element = useRef(/** @type {HTMLFormElement | null} */ (null));
  const close = () => {
    if (!form.isDirty || confirm('Close without saving? What you typed will be lost.')) onClose();
  };
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const refused = check(form.values);
    const settled = form.settle(
      refused.length > 0 ? unsent(...refused) : await setPlan({ input: input(form.values, tenant) }),
    );
    if (settled) {
      form.reset(form.values);
      onSaved(`The plan of ${short(form.values.userId)} is set. It applies from the next call and the next purchase.`);
    } else {
      setTimeout(() => /** @type {HTMLElement | null} */ (element.current?.querySelector('[aria-invalid]'))?.focus());
    }
  };
  const title = tenant ? html`Plan of tenant <code>${short(tenant.userId)}</code>` : 'Add a tenant';
  return html`<${Dialog} title=${title} onClose=${close}>
    <form ref=${element} onSubmit=${save} novalidate>
      ${
        tenant
          ? html`<p class="hint">The change is recorded in the tenant’s trail. It ends no call and releases no number.</p>`
          : html`<p class="hint">Sets the plan of somebody who has not made a request yet. Everybody else is in the list.</p>
            <${TextField} form=${form} name="userId" label="User id" required autofocus spellcheck="false"
              hint="As in the person’s token: 36 characters." />`
      }
      <${TextField} form=${form} name="name" label="Name of the plan" required maxlength="100" autofocus=${tenant !== null} hint="The tenant sees it." />
      <div class="form-grid">
        <${TextField} form=${form} name="concurrentCalls" label="Calls at the same time" required inputmode="numeric" hint="1 to 50." />
        <${TextField} form=${form} name="phoneNumbers" label="Numbers" required inputmode="numeric" hint="0 to 65,535, with those being bought or released." />
      </div>
      <${Dialling} form=${form} tenant=${tenant} />
      <${FormErrors} form=${form} fields=${shown(form.values, tenant)} />
      <div class="actions end">
        <${Button} onClick=${close}>Cancel</${Button}>
        <${Button} type="submit" kind="primary" busy=${busy}>Save plan</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}

/** @param {{ form: import('../../ui/form.js').Form, tenant: Tenant | null }} props */
function Dialling({ form, tenant }) {
  const present = tenant?.limits.dialCountries;
  const now = present === null ? 'all countries' : present?.map(countryName).join(', ') || 'no country';
  /** @type {[string, string][]} */
  const choices = [
    ['server', 'As this server is set up'],
    ['list', 'Only these countries'],
  ];
  // Whether the present countries are the tenant's own or the server's is not known: only leaving them out changes neither.
  if (tenant) choices.unshift(['same', 'As now']);
  const codes = codesOf(form.values.dialCountries);
  return html`<fieldset class="form"><legend>Which numbers may be dialled</legend>
    <p class="hint">Fallback numbers, and numbers that routing rules forward to.${tenant && ` Now: ${now}.`}</p>
    <${Select} form=${form} name="dialing" label="Countries" options=${choices} />
    ${
      form.values.dialing === 'list' &&
      html`<${TextField} form=${form} name="dialCountries" label="Country codes" spellcheck="false" autocapitalize="characters"
        hint=${codes.length === 0 ? 'Two letters each, such as US, CA. Leave it empty to forbid dialling.' : codes.map(nameOf).join(', ')} />`
    }
    <${Checkbox} form=${form} name="dialPremiumNumbers" label="Also numbers that can cost more than an ordinary call"
      hint="Premium-rate, shared-cost, personal and satellite numbers, and pagers." />
  </fieldset>`;
}

/** @param {string} text */
const codesOf = (text) =>
  text
    .toUpperCase()
    .split(/[\s,;]+/)
    .filter(Boolean);

/** @param {string} code */
function nameOf(code) {
  return /^[A-Z]{2}$/.test(code) ? countryName(code) : `${code}?`;
}

/** The fields that show their own refusals at present. @param {Record<string, any>} values @param {Tenant | null} tenant */
function shown(values, tenant) {
  return FIELDS.filter((field) => {
    if (field === 'userId') return tenant === null;
    return field !== 'dialCountries' || values.dialing === 'list';
  });
}

/**
 * What could not even be sent: the API's types refuse it as a whole, without naming the field for people.
 * @param {Values} values
 * @returns {Refusal[]}
 */
function check({ userId, concurrentCalls, phoneNumbers }) {
  const isWhole = (/** @type {string} */ text) => /^\s*-?\d+\s*$/.test(text) && Math.abs(Number(text)) <= LARGEST;
  return [
    ...(UUID.test(userId.trim())
      ? []
      : [fault('userId', 'Enter the whole user id: 36 characters, such as 8c5b7a52-7d8e-4f0a-9d0e-2f3c1b6a5e47.')]),
    ...(isWhole(concurrentCalls) ? [] : [fault('concurrentCalls', 'Enter a whole number from 1 to 50.')]),
    ...(isWhole(phoneNumbers) ? [] : [fault('phoneNumbers', 'Enter a whole number from 0 to 65,535.')]),
  ];
}

/**
 * @param {Values} values
 * @param {Tenant | null} tenant
 * @returns {import('../../generated/types').SetTenantPlanInput}
 */
function input(values, tenant) {
  const { userId, name, concurrentCalls, phoneNumbers, dialing, dialCountries, dialPremiumNumbers } = values;
  return {
    userId: userId.trim(),
    name,
    concurrentCalls: Number(concurrentCalls),
    phoneNumbers: Number(phoneNumbers),
    // Absent: unchanged. Null: as the server is set up.
    ...(dialing !== 'same' && { dialCountries: dialing === 'server' ? null : codesOf(dialCountries) }),
    ...(dialPremiumNumbers !== tenant?.limits.dialPremiumNumbers && { dialPremiumNumbers }),
  };
}
