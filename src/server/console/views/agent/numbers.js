// The agent's numbers.

import { money } from '../../lib/format.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Empty, Section } from '../../ui/basic.js';
import { State } from '../../ui/words.js';

/** @typedef {import('../agent.js').Agent} Agent */

/** @param {{ agent: Agent, canBuy: boolean }} props */
export function Numbers({ agent, canBuy }) {
  const { nodes, pageInfo } = agent.phoneNumbers;
  const to = router.href(`/numbers?buy=1&agent=${encodeURIComponent(agent.id)}`);
  const buy =
    canBuy && html`<a class="button" href=${to}>${nodes.length > 0 ? 'Buy another number' : 'Buy a number'}</a>`;
  return html`<${Section} title="Numbers" actions=${nodes.length > 0 && buy}>
    ${
      nodes.length === 0
        ? html`<${Empty} action=${buy}>${agent.status === 'DELETED' ? 'Its numbers were released.' : 'No number, so nobody can call this agent.'}</${Empty}>`
        : html`<${NumberList} numbers=${nodes} />`
    }
    ${pageInfo.hasNextPage && html`<p><a href=${router.href(`/numbers?agent=${encodeURIComponent(agent.id)}`)}>All its numbers</a></p>`}
  </${Section}>`;
}

/** @param {{ numbers: Agent['phoneNumbers']['nodes'] }} props */
export function NumberList({ numbers }) {
  return html`<ul class="plain rows">${numbers.map(
    ({ id, friendlyName, status, monthlyCost }) => html`<li key=${id}>
      <a class="nowrap" href=${router.href(`/numbers/${encodeURIComponent(id)}`)}><bdi>${friendlyName}</bdi></a>
      <${State} value=${status} /> <span class="muted">${money(monthlyCost)} a month</span>
    </li>`,
  )}</ul>`;
}
