// For operators: the platform as a whole. It is about all tenants also while the operator acts for one.

import { OperatorHealth } from '../generated/operations.js';
import { useEvery, useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Notice, Problem, ViewHead } from '../ui/basic.js';
import { Health, HealthSummary } from './operator/health.js';
import { Operations } from './operator/operations.js';
import { Reconciliation } from './operator/reconciliation.js';
import { ActForQuestion } from './operator/tenant.js';
import { Tenants } from './operator/tenants.js';
import * as session from '../lib/session.js';

/** How often the health is read. Milliseconds. */
const HEALTH_EVERY = 15_000;

/** The parts of the view, by their names in the address. Only what is looked at is read: lists of operations are recorded. */
const PARTS = /** @type {const} */ ([
  ['', 'Tenants'],
  ['operations', 'Operations'],
  ['reconciliation', 'Reconciliation'],
  ['health', 'Health'],
]);

export default function View() {
  const heading = useTitle('Operator');
  const health = useQuery(OperatorHealth, {}, { platform: true });
  useEvery(health.refetch, HEALTH_EVERY);
  const asked = router.address.value.params.get('part') ?? '';
  const part = PARTS.find(([name]) => name === asked)?.[0] ?? '';
  const tenant = session.actingFor.value;
  return html`
    <${ViewHead} title="Operator" heading=${heading} />
    ${
      tenant &&
      html`<${Notice}>You act for the tenant <code>${tenant}</code>: the other pages show what it sees, and every request there is recorded in its trail.
      This page is about all tenants.</${Notice}>`
    }
    <${HealthSummary} health=${health.data?.health} isShown=${part === 'health'} />
    <${Problem} read=${health} />
    <nav class="tabs" aria-label="Parts of this page"><ul>${PARTS.map(
      ([name, label]) =>
        html`<li key=${name}><a href=${partAddress(name)} aria-current=${name === part ? 'page' : undefined}>${label}</a></li>`,
    )}</ul></nav>
    ${part === '' && html`<${Tenants} />`}
    ${part === 'operations' && html`<${Operations} />`}
    ${part === 'reconciliation' && html`<${Reconciliation} />`}
    ${part === 'health' && html`<${Health} health=${health} />`}
    <${ActForQuestion} />`;
}

/** @param {string} part */
const partAddress = (part) => router.href('/operator') + (part && `?part=${part}`);
