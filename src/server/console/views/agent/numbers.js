// The agent's numbers: which one is primary, and how it gets another.

import { useState } from 'preact/hooks';

import { AgentPool } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useKeptFocus, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Badge, Button, Empty, Section } from '../../ui/basic.js';
import { State } from '../../ui/words.js';
import { isSettled } from '../numbers/words.js';
import { TakeDialog } from './take.js';

/** @typedef {import('../agent.js').Agent} Agent */

/** @param {{ agent: Agent, canChange: boolean, onChanged: () => void }} props */
export function Numbers({ agent, canChange, onChanged }) {
  const { nodes, pageInfo } = agent.phoneNumbers;
  const [isTaking, setTaking] = useState(false);
  useKeptFocus();
  const pool = useQuery(AgentPool, {}, { pause: !canChange });
  const free = pool.data?.phoneNumbers.nodes.filter(isSettled) ?? [];
  const to = router.href(`/numbers?buy=1&agent=${encodeURIComponent(agent.id)}`);
  const more =
    canChange &&
    html`${free.length > 0 && html`<${Button} onClick=${() => setTaking(true)}>Take one from the pool…</${Button}>`}
      <a class="button" href=${to}>${nodes.length > 0 ? 'Buy another number' : 'Buy a number'}</a>`;
  const none = agent.status === 'DELETED' ? 'It has no numbers any more.' : 'No number, so nobody can call this agent.';
  const taken = () => {
    pool.refetch();
    onChanged();
  };
  return html`<${Section} title="Numbers" actions=${nodes.length > 0 && more}>
    ${
      nodes.length === 0
        ? html`<${Empty} action=${more && html`<div class="actions">${more}</div>`}>${none}</${Empty}>`
        : html`<${NumberList} numbers=${nodes} marksPrimary=${nodes.length > 1} />`
    }
    ${pageInfo.hasNextPage && html`<p><a href=${router.href(`/numbers?agent=${encodeURIComponent(agent.id)}`)}>All its numbers</a></p>`}
    ${
      isTaking &&
      html`<${TakeDialog} agent=${agent} numbers=${free} hasMore=${Boolean(pool.data?.phoneNumbers.pageInfo.hasNextPage)}
      onChanged=${taken} onClose=${() => setTaking(false)} />`
    }
  </${Section}>`;
}

/** @param {{ numbers: Agent['phoneNumbers']['nodes'], marksPrimary: boolean }} props */
function NumberList({ numbers, marksPrimary }) {
  return html`<ul class="plain rows">${numbers.map(
    ({ id, friendlyName, label, primary, status, monthlyCost }) => html`<li key=${id}>
      <a class="nowrap" href=${router.href(`/numbers/${encodeURIComponent(id)}`)}><bdi>${friendlyName}</bdi></a>
      ${label && html`<bdi class="label">${label}</bdi>`}
      <${State} value=${status} /> ${marksPrimary && primary && html`<${Badge} tone="good">Primary number</${Badge}>`}
      <span class="muted">${money(monthlyCost)} a month</span>
    </li>`,
  )}</ul>`;
}
