// Takes over a number that a carrier account holds already. If its calls go elsewhere, that is shown before anything is replaced.

import { useEffect, useRef, useState } from 'preact/hooks';

import { Accounts, ImportNumber } from '../generated/operations.js';
import { useForm, useMutation, useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import { newKey } from '../lib/key.js';
import * as router from '../lib/router.js';
import { Button, Empty, Loading, Notice, Problem, Section, ViewHead } from '../ui/basic.js';
import { fault, FormErrors, Select, TextField, unsent } from '../ui/form.js';
import { inSentences } from '../ui/progress.js';
import { accountLabel } from './accounts/words.js';
import { Imported } from './import/imported.js';
import { InUse, settingsIn } from './import/in_use.js';
import { NOT_FOR_AGENTS } from './numbers/tabs.js';
import { AgentSearch, useAgents } from './numbers/use_agents.js';
import { LONGEST_LABEL } from './numbers/words.js';

/** The choice of no agent, and of the platform’s account. */
const POOL = 'pool';
const PLATFORM = 'platform';

/** @typedef {{ number: string, account: string, agentId: string, label: string }} Values */

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Import a number');
  const canChange = session.role !== 'AGENT';
  const accounts = useQuery(Accounts, {}, { pause: !canChange });
  const all = accounts.data?.carrierAccounts;
  // The platform's account is its operator's: only an operator imports from it.
  const isOperator = session.role === 'OPERATOR';
  const usable = all?.filter(({ kind }) => kind === 'OWN' || (isOperator && kind === 'SHARED')) ?? [];
  return html`
    <${ViewHead} title="Import a number" heading=${heading} back=${{ href: router.href('/numbers'), label: 'Numbers' }} />
    ${!canChange && html`<${Empty}>${NOT_FOR_AGENTS}</${Empty}>`}
    <${Problem} read=${accounts} />
    ${canChange && !all && accounts.loading && html`<${Loading} />`}
    ${all && usable.length === 0 && html`<${NoAccount} />`}
    ${usable.length > 0 && html`<${Import} accounts=${usable} />`}`;
}

function NoAccount() {
  const connect = html`<a class="button primary" href=${router.href('/numbers/accounts')}>Open the carrier accounts</a>`;
  return html`<${Section} title="No account to import from"><${Empty} action=${connect}>You can import numbers from a carrier account of your own: connect it first. Numbers in the platform’s account are imported by its operator.</${Empty}></${Section}>`;
}

/** @param {{ accounts: import('./accounts/words.js').Account[] }} props */
function Import({ accounts }) {
  const accountId = ({ id, kind } = /** @type {any} */ ({})) => (kind === 'SHARED' ? PLATFORM : (id ?? ''));
  const form = useForm(
    /** @returns {Values} */ (() => ({ number: '', account: accountId(accounts[0]), agentId: '', label: '' }))(),
  );
  const values = /** @type {Values} */ (form.values);
  const agents = useAgents(values.agentId === POOL ? '' : values.agentId);
  const [send, busy] = useMutation(ImportNumber);
  const [operation, setOperation] = useState(/** @type {string | null} */ (null));
  const [settings, setSettings] = useState(/** @type {string | null} */ (null));
  const key = useRef('');
  // Only settings that were shown are replaced: those of one number in one account.
  useEffect(() => setSettings(null), [values.number, values.account]);
  const latest = useRef(values);
  latest.current = values;

  const attempt = async (/** @type {boolean} */ replaceSettings) => {
    if (busy) return;
    if (!values.agentId) {
      form.settle(unsent(fault('agentId', 'Choose the agent that answers the number’s calls, or the pool.')));
      return;
    }
    key.current ||= newKey();
    const result = await send({ input: inputOf(values, replaceSettings, key.current) });
    // Without an answer the import may be under way: the same key then finds it again.
    if (!result.problem) key.current = '';
    const found = result.userErrors.map(({ message }) => settingsIn(message)).find((text) => text !== null);
    const isStill = latest.current.number === values.number && latest.current.account === values.account;
    setSettings((isStill && found) || null);
    const told = result.userErrors.filter(({ message }) => settingsIn(message) === null);
    form.settle(inSentences({ ...result, userErrors: told }));
    const started = result.data?.importPhoneNumber?.operation;
    if (!result.ok || !started) return;
    // Nothing is lost by leaving now.
    form.reset(values);
    setOperation(started.id);
  };
  const again = (/** @type {string | null} */ found) => {
    setOperation(null);
    setSettings(found);
  };
  const more = () => {
    form.reset({ ...values, number: '', label: '' });
    again(null);
  };

  if (operation)
    return html`<${Section} title=${`Import of ${values.number}`}><${Imported} operationId=${operation} onAgain=${again} onMore=${more} /></${Section}>`;
  return html`<${Section} title="The number">
    <form onSubmit=${(/** @type {Event} */ event) => {
      event.preventDefault();
      void attempt(false);
    }} novalidate>
      <p class="hint">The number must be in the account already. What is set on it is kept, so that you can give it back. During the import every call is answered, by its former system or by the agent.</p>
      <div class="form-grid">
        <${TextField} form=${form} name="number" label="Number" type="tel" required maxlength="32" hint="With its country code, such as +12125550123" />
        <${Select} form=${form} name="account" field="carrierAccountId" label="Carrier account" options=${accounts.map((account) => [accountId(account), accountLabel(account)])} />
        <${AgentSearch} agents=${agents} />
        <${Select} form=${form} name="agentId" label="Agent" required options=${[
          ['', 'Choose an agent or the pool'],
          [POOL, 'The pool: no agent'],
          ...agents.known.map(({ id, name }) => [id, name]),
        ]} />
        <${TextField} form=${form} name="label" label="Label" maxlength=${LONGEST_LABEL} hint="Your own name for the number. It may stay empty." />
      </div>
      <${Problem} read=${agents.read} />
      ${values.agentId === POOL && html`<${Notice}>Nobody answers its calls from the import on, until you assign it to an agent or a call group.</${Notice}>`}
      ${settings !== null && html`<${InUse} number=${values.number} settings=${settings} busy=${busy} onReplace=${() => void attempt(true)} onLeave=${() => setSettings(null)} />`}
      <${FormErrors} form=${form} fields=${['number', 'carrierAccountId', 'agentId', 'label']} />
      ${
        settings === null &&
        html`<div class="actions end">
        <a class="button" href=${router.href('/numbers')}>Cancel</a>
        <${Button} type="submit" kind="primary" busy=${busy}>Import the number</${Button}>
      </div>`
      }
    </form>
  </${Section}>`;
}

/**
 * @param {Values} values
 * @param {boolean} replaceSettings
 * @param {string} idempotencyKey
 * @returns {import('../generated/types').ImportPhoneNumberInput}
 */
const inputOf = ({ number, account, agentId, label }, replaceSettings, idempotencyKey) => ({
  number: number.trim(),
  carrierAccountId: account === PLATFORM ? null : account,
  agentId: agentId === POOL ? null : agentId,
  label: label.trim() || null,
  replaceSettings,
  idempotencyKey,
});
