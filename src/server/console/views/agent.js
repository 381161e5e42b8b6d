// One agent: what it is, its settings, numbers, calls, token and deletion.

import { useEffect, useState } from 'preact/hooks';

import { AgentOperations, AgentView } from '../generated/operations.js';
import { dateTime } from '../lib/format.js';
import { useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Button, Empty, Facts, Loading, Notice, Problem, Section, ViewHead } from '../ui/basic.js';
import { languageName } from '../ui/names.js';
import { Progress, sentence } from '../ui/progress.js';
import { State } from '../ui/words.js';
import { Calls } from './agent/calls.js';
import { DeleteDialog } from './agent/delete.js';
import { EditForm } from './agent/edit.js';
import { messagingWords } from './agent/messaging.js';
import { Numbers } from './agent/numbers.js';
import { PauseButton } from './agent/pause.js';
import { whileInactive } from './agent/situation.js';
import { TokenSection } from './agent/token.js';

/** @typedef {NonNullable<import('../generated/types').AgentViewQuery['agent']>} Agent */

/** How often the agent is read again while it is about to change by itself. Milliseconds. */
const READ_EVERY = 3_000;

/** @param {import('../app.js').ViewProps} props */
export default function View({ parameters: [id = ''], session }) {
  const read = useQuery(AgentView, { id }, { byId: true });
  const agent = read.data?.agent;
  const heading = useTitle(agent?.name ?? 'Agent');
  const back = { href: router.href('/agents'), label: 'Agents' };
  useRereading(agent, read.refetch);
  if (!agent) {
    return html`<${ViewHead} title="Agent" heading=${heading} back=${back} />
      <${Problem} read=${read} />
      ${!read.problem && read.loading && html`<${Loading} />`}
      ${read.data && !read.loading && html`<${Empty}>There is no such agent, or it belongs to somebody else.</${Empty}>`}`;
  }
  return html`<${Known} key=${id} agent=${agent} read=${read} heading=${heading} back=${back} canChange=${session.role !== 'AGENT'} />`;
}

/**
 * @param {{ agent: Agent, read: import('../lib/hooks.js').Read<unknown>, heading: ReturnType<typeof useTitle>,
 *   back: { href: string, label: string }, canChange: boolean }} props
 */
function Known({ agent, read, heading, back, canChange }) {
  const [isDeleting, setDeleting] = useState(false);
  const isSettled = agent.status === 'ACTIVE' || agent.status === 'INACTIVE';
  const work = useWork(agent, read.refetch);
  const isLeaving = work.deletion !== null;
  const mayChange = canChange && isSettled && !isLeaving;
  return html`
    <${ViewHead} title=${agent.name} heading=${heading} back=${back}>
      ${
        mayChange &&
        html`<${PauseButton} agent=${agent} onChanged=${read.refetch} />
        <${Button} kind="danger" onClick=${() => setDeleting(true)}>Delete…</${Button}>`
      }
    </${ViewHead}>
    <${Problem} read=${read} />
    <${Situation} agent=${agent} isLeaving=${isLeaving} />
    ${work.shown.map(
      (operationId) => html`<${Section} key=${operationId} title="Progress" id=${operationId}>
      <${Progress} operationId=${operationId} onDone=${() => work.end()} /></${Section}>`,
    )}
    <div class="columns">
      <${Overview} agent=${agent} />
      <${Numbers} agent=${agent} canChange=${mayChange} onChanged=${read.refetch} />
    </div>
    <${Calls} agentId=${agent.id} isDeleted=${agent.status === 'DELETED'} />
    ${mayChange && html`<${EditForm} agent=${agent} onSaved=${read.refetch} />`}
    ${mayChange && html`<${TokenSection} agent=${agent} onRotated=${read.refetch} />`}
    ${
      isDeleting &&
      html`<${DeleteDialog} agent=${agent} onClose=${() => setDeleting(false)}
      onStarted=${(/** @type {string} */ operationId) => {
        setDeleting(false);
        work.startDeletion(operationId);
        heading.current?.focus();
      }} />`
    }`;
}

/** @param {{ agent: Agent }} props */
function Overview({ agent }) {
  const isKept = agent.status !== 'DELETED';
  return html`<${Section} title="Overview"><${Facts} items=${[
    ['State', html`<${State} value=${agent.status} />`],
    isKept && ['At the voice provider', html`<${State} value=${agent.syncState} />`],
    ['Language', languageName(agent.language)],
    isKept && [
      'If it cannot take a call',
      agent.fallbackNumber ? html`<span class="nowrap">${agent.fallbackNumber}</span> rings` : 'Callers hear a message',
    ],
    isKept && [
      'Text messages',
      html`${messagingWords(agent.messaging)}. <a href=${`${router.href('/messages')}?agent=${encodeURIComponent(agent.id)}`}>Show them</a>`,
    ],
    ['Created', dateTime(agent.createdAt)],
    ['Changed', dateTime(agent.updatedAt)],
  ]} /></${Section}>`;
}

/** What the agent's state means for callers, and what to do. @param {{ agent: Agent, isLeaving: boolean }} props */
function Situation({ agent, isLeaving }) {
  const { status, syncState, syncError } = agent;
  if (status === 'DELETED') return html`<${Notice}>This agent is deleted. Its calls are kept.</${Notice}>`;
  if (status === 'PENDING')
    return html`<${Notice}>This agent is being created and takes no calls yet. It can be changed when that is done.</${Notice}>`;
  if (isLeaving) return html`<${Notice} kind="warning">This agent is being deleted and takes no calls.</${Notice}>`;
  return html`
    ${status === 'INACTIVE' && html`<${Notice} kind="warning">The agent is paused. ${whileInactive(agent)}</${Notice}>`}
    ${syncState === 'REJECTED' && html`<${Notice} kind="error">The voice provider rejected the last change and keeps the version before it: ${sentence(syncError?.message ?? 'no reason was given')} Change the agent to try again.</${Notice}>`}
    ${syncState === 'PENDING' && html`<${Notice}>The last change is stored and on its way to the voice provider. Callers hear the version before it until then.${syncError && ` ${sentence(syncError.message)} It is tried again automatically.`}</${Notice}>`}`;
}

/**
 * Reads again while the agent is being created, or a change is being delivered.
 * @param {Agent | null | undefined} agent
 * @param {() => void} refetch
 */
function useRereading(agent, refetch) {
  const isMoving = agent?.status === 'PENDING' || (agent?.syncState === 'PENDING' && agent.status !== 'DELETED');
  useEffect(() => {
    if (!isMoving) return undefined;
    const timer = setInterval(refetch, READ_EVERY);
    return () => clearInterval(timer);
  }, [isMoving, refetch]);
}

/**
 * The operations under way for the agent: those found when the view appeared, and a deletion started here. Each stays shown
 * after its end, with its result.
 * @param {Agent} agent
 * @param {() => void} refetch
 */
function useWork({ id }, refetch) {
  const read = useQuery(AgentOperations, { id });
  const [shown, setShown] = useState(/** @type {string[]} */ ([]));
  const [deletion, setDeletion] = useState(/** @type {string | null} */ (null));
  const found = read.data?.operations.nodes ?? [];
  useEffect(() => {
    setShown((before) => [...new Set([...before, ...found.map((operation) => operation.id)])]);
  }, [read.data]);
  return {
    shown,
    deletion,
    startDeletion: (/** @type {string} */ operationId) => {
      setDeletion(operationId);
      setShown((before) => [...new Set([...before, operationId])]);
    },
    end: () => {
      setDeletion(null);
      refetch();
    },
  };
}
