// All tenants, with their plans and what they use of them.

import { useState } from 'preact/hooks';

import { OperatorTenants } from '../../generated/operations.js';
import * as format from '../../lib/format.js';
import { useQuery, useSettled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Badge, Button, Empty, Loading, Problem, say, Section } from '../../ui/basic.js';
import { Filter } from '../../ui/form.js';
import { pageArguments, Pager, Table } from '../../ui/table.js';
import { countryName } from '../../ui/names.js';
import { PlanDialog } from './plan.js';
import { ActFor, short, TenantId } from './tenant.js';

const PAGE = 25;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @typedef {import('../../generated/types').OperatorTenantFragment} Tenant */

export function Tenants() {
  const { params } = router.address.value;
  const [user, plan] = [params.get('user')?.trim() ?? '', params.get('plan') ?? ''];
  const isWrong = user !== '' && !UUID.test(user);
  const filter = useSettled(JSON.stringify({ userId: user || undefined, planName: plan || undefined }));
  const read = useQuery(
    OperatorTenants,
    { ...pageArguments(params, PAGE), filter: JSON.parse(filter) },
    { platform: true, pause: isWrong || !isSettled(filter, user, plan) },
  );
  /** The tenant whose plan is being changed; `new` for one that is not listed. */
  const [changing, change] = useState(/** @type {Tenant | 'new' | null} */ (null));
  const tenants = read.data?.tenants.nodes ?? [];
  // While one types, only the last search stays in the history.
  const search = (/** @type {Record<string, string | null>} */ changes) =>
    router.setParams({ ...changes, after: null, before: null }, { replace: true });
  const actions = html`<${Button} busy=${read.loading} onClick=${read.refetch}>Refresh</${Button}>
    <${Button} onClick=${() => change('new')}>Add a tenant</${Button}>`;
  return html`<${Section} title="Tenants" actions=${actions}>
    <div class="filters">
      <${Filter} label="User id" value=${user} spellcheck="false" onChange=${(/** @type {string} */ value) => search({ user: value })}
        problem=${isWrong ? 'A user id has 36 characters, such as 8c5b7a52-7d8e-4f0a-9d0e-2f3c1b6a5e47.' : null} />
      <${Filter} label="Plan, exact name" value=${plan} maxlength="100" onChange=${(/** @type {string} */ value) => search({ plan: value })} />
      ${(user || plan) && html`<${Button} onClick=${() => search({ user: null, plan: null })}>Show all</${Button}>`}
    </div>
    <${Problem} read=${read} />
    ${!read.data && read.loading && html`<${Loading} />`}
    ${!isWrong && read.data && tenants.length === 0 && html`<${Nobody} user=${user} plan=${plan} />`}
    ${
      !isWrong &&
      tenants.length > 0 &&
      html`<${Table} caption="Tenants, newest first" columns=${columns(change)} rows=${tenants} rowKey=${(/** @type {Tenant} */ { id }) => id} busy=${read.loading} />
      <${Pager} pageInfo=${read.data?.tenants.pageInfo} busy=${read.loading}
        onPage=${(/** @type {{ after?: string, before?: string }} */ page) => router.setParams({ after: null, before: null, ...page })} />`
    }
    ${
      changing &&
      html`<${PlanDialog} tenant=${changing === 'new' ? null : changing} onClose=${() => change(null)}
      onSaved=${(/** @type {string} */ text) => {
        change(null);
        say(text);
        read.refetch();
      }} />`
    }
  </${Section}>`;
}

/**
 * Whether the filter is what is typed, and not what was typed a moment ago with a page of the new list.
 * @param {string} filter
 * @param {string} user
 * @param {string} plan
 */
const isSettled = (filter, user, plan) =>
  filter === JSON.stringify({ userId: user || undefined, planName: plan || undefined });

/** @param {{ user: string, plan: string }} props */
function Nobody({ user, plan }) {
  if (plan) {
    return html`<${Empty}>No tenant ${user && 'with this id '}has a plan called exactly “<bdi>${plan}</bdi>”. Capital letters count.</${Empty}>`;
  }
  if (user)
    return html`<${Empty}>No tenant has this id. It becomes one with its first request, or when you set its plan.</${Empty}>`;
  return html`<${Empty}>There are no tenants yet. Everybody with a valid token becomes one with the first request.</${Empty}>`;
}

/**
 * @param {(tenant: Tenant) => void} change
 * @returns {import('../../ui/table.js').Column<Tenant>[]}
 */
function columns(change) {
  return [
    { label: 'Tenant', isHead: true, cell: ({ userId }) => html`<${TenantId} userId=${userId} />` },
    {
      label: 'Plan',
      cell: ({ plan }) =>
        html`<a href=${`${router.href('/operator')}?plan=${encodeURIComponent(plan.name)}`} title="Show all tenants with this plan"><bdi>${plan.name}</bdi></a>`,
    },
    {
      label: 'Calls now',
      align: 'end',
      cell: ({ activeCalls, limits }) => html`<${Used} used=${activeCalls} limit=${limits.concurrentCalls} />`,
    },
    {
      label: 'Numbers',
      align: 'end',
      cell: ({ phoneNumberCount, limits }) => html`<${Used} used=${phoneNumberCount} limit=${limits.phoneNumbers} />`,
    },
    { label: 'Agents', align: 'end', cell: ({ agentCount }) => format.number(agentCount) },
    { label: 'May dial', cell: ({ limits }) => html`<${MayDial} limits=${limits} />` },
    { label: 'Since', cell: ({ createdAt }) => html`<span class="nowrap">${format.date(createdAt)}</span>` },
    {
      label: 'Actions',
      cell: (tenant) =>
        html`<span class="actions"><${Button} label=${`Change plan of tenant ${short(tenant.userId)}`} onClick=${() => change(tenant)}>Change plan</${Button}>
        <${ActFor} userId=${tenant.userId} /></span>`,
    },
  ];
}

/** How much of a limit is used. @param {{ used: number, limit: number }} props */
function Used({ used, limit }) {
  const text = `${format.number(used)} of ${format.number(limit)}`;
  return used >= limit && used > 0
    ? html`<${Badge} tone="warn">${text}</${Badge}>`
    : html`<span class="nowrap">${text}</span>`;
}

/** @param {{ limits: Tenant['limits'] }} props */
function MayDial({ limits: { dialCountries, dialPremiumNumbers } }) {
  return html`<span>${countries(dialCountries)}${dialPremiumNumbers && html` <${Badge} tone="warn">Costly ones, too</${Badge}>`}</span>`;
}

/** @param {string[] | null} codes */
function countries(codes) {
  if (codes === null) return 'All countries';
  if (codes.length === 0) return 'Nothing';
  const names = codes.map(countryName).join(', ');
  return codes.length <= 4 ? names : html`<span title=${names}>${format.number(codes.length)} countries</span>`;
}
