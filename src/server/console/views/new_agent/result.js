// After an agent was requested: its progress, its token, and what came of it.

import { useEffect, useRef, useState } from 'preact/hooks';

import { NewAgentResult } from '../../generated/operations.js';
import { money } from '../../lib/format.js';
import { useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Facts, Notice, Problem, Section } from '../../ui/basic.js';
import { Progress, sentence } from '../../ui/progress.js';
import { Token } from '../../ui/token.js';
import { State } from '../../ui/words.js';
import { BuyAnother } from './buy.js';

/** @typedef {NonNullable<import('../../generated/types').NewAgentResultQuery['agent']>} Agent */

/**
 * @typedef {object} Created
 * @property {string} operationId
 * @property {string | null} agentId null if the agent could not be created
 * @property {string | null} token
 * @property {boolean} withoutNumber
 */

/** @param {{ created: Created, onAgain: () => void }} props `onAgain`: back to the form, with what was typed */
export function Result({ created, onAgain }) {
  const { operationId, agentId, token, withoutNumber } = created;
  const [ended, setEnded] = useState(/** @type {'SUCCEEDED' | 'FAILED' | null} */ (null));
  const read = useQuery(NewAgentResult, { id: agentId ?? '', operationId }, { pause: !ended || !agentId });
  const agent = read.data?.agent;
  const isGone = ended === 'FAILED' && (!agentId || (read.data && (!agent || agent.status === 'DELETED')));
  return html`
    <${Section} title="Progress">
      <${Progress} operationId=${operationId} withoutNumber=${withoutNumber}
        onDone=${(/** @type {{ state: 'SUCCEEDED' | 'FAILED' }} */ { state }) => setEnded(state)} />
    </${Section}>
    <${Problem} read=${read} />
    ${isGone && html`<${NotCreated} onAgain=${onAgain} />`}
    ${!isGone && html`<${TokenPart} token=${token} agentId=${agentId} />`}
    ${!isGone && agent && html`<${Outcome} agent=${agent} error=${read.data?.operation?.error} withoutNumber=${withoutNumber} />`}`;
}

/** @param {{ onAgain: () => void }} props */
function NotCreated({ onAgain }) {
  return html`<${Notice} kind="error" action=${html`<button type="button" class="button" onClick=${onAgain}>Back to the form</button>`}>
    The agent was not created, and nothing was bought. What you typed is kept.
  </${Notice}>`;
}

/** @param {{ token: string | null, agentId: string | null }} props */
function TokenPart({ token, agentId }) {
  if (token) {
    return html`<${Section} title="The agent’s token" id="token"><${Token} token=${token} /></${Section}>`;
  }
  if (!agentId) return null;
  return html`<${Notice} kind="warning">
    The agent’s token was in an answer that did not arrive. If you need it, open the agent and create a new token.
  </${Notice}>`;
}

/**
 * @param {{ agent: Agent, error: { message: string, suggestedAreaCodes: string[] | null } | null | undefined, withoutNumber: boolean }} props
 */
function Outcome({ agent, error, withoutNumber }) {
  const heading = useRef(/** @type {HTMLDivElement | null} */ (null));
  // Where the person goes on, once the work has ended.
  useEffect(() => heading.current?.focus(), []);
  const number = agent.phoneNumber;
  const path = `/agents/${encodeURIComponent(agent.id)}`;
  return html`<div ref=${heading} tabindex="-1" class="outcome">
    <${Section} title=${number ? 'The agent answers calls' : 'The agent is created'} id="outcome">
      <${Facts} items=${[
        ['Agent', html`<a href=${router.href(path)}><bdi>${agent.name}</bdi></a> <${State} value=${agent.status} />`],
        number && [
          'Number',
          html`<a class="nowrap" href=${router.href(`/numbers/${encodeURIComponent(number.id)}`)}>${number.friendlyName}</a>`,
        ],
        number && ['Price', `${money(number.monthlyCost)} a month`],
      ]} />
      ${!number && withoutNumber && html`<p>It has no number yet, so nobody can call it.</p>`}
      ${!number && !withoutNumber && error && html`<${Notice} kind="warning">The agent was created, but no number was bought: ${sentence(error.message)} Nobody can call it yet.</${Notice}>`}
      <div class="actions">
        <a class="button" href=${router.href(path)}>Open the agent</a>
        <a class="button" href=${router.href('/agents')}>All agents</a>
        ${number && html`<a class="button" href=${router.href(`/numbers/${encodeURIComponent(number.id)}`)}>Set when it answers</a>`}
      </div>
    </${Section}>
    ${!number && html`<${BuyAnother} agentId=${agent.id} suggested=${error?.suggestedAreaCodes ?? []} />`}
  </div>`;
}
