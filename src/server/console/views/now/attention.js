// What needs attention, each with the action that mends it.

import { useState } from 'preact/hooks';

import { NowAttention, NowOperations, NowOrigins } from '../../generated/first.js';
import * as format from '../../lib/format.js';
import { useNow, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { href } from '../../lib/router.js';
import { Party } from '../../ui/party.js';
import { Badge, Button, Loading, Notice, Problem, Section } from '../../ui/basic.js';
import { agentsWithoutNumber, failedOperations, inactiveNumbers, missedCalls, rejectedAgents } from './findings.js';
import { calledByGroup, troubledAccounts, waitingPorts } from './origins.js';
import { Repair } from './repair.js';

/** @typedef {import('./findings.js').Finding} Finding */

/** Where this browser keeps which failures somebody has taken care of. */
const HIDDEN = 'switchboard.hidden';
const MOST_HIDDEN = 200;
/** Findings shown at first. */
const SHOWN = 8;

/** @param {boolean} isAgent whether the token is an agent's */
export function useAttention(isAgent) {
  // Reads more than the last hour when the page stays open: what is older is left out when shown.
  const [hourAgo] = useState(() => new Date(Date.now() - 3_600_000).toISOString());
  const read = useQuery(NowAttention, { hourAgo });
  const operations = useQuery(NowOperations, {});
  const origins = useQuery(NowOrigins, {}, { pause: isAgent });
  const refetch = () => {
    read.refetch();
    operations.refetch();
    origins.refetch();
  };
  return { read, operations, origins, isAgent, refetch };
}

/** @param {{ attention: ReturnType<typeof useAttention> }} props */
export function NeedsAttention({ attention: { read, operations, origins, isAgent, refetch } }) {
  const now = useNow(30_000);
  const [hidden, hide] = useHidden();
  const [isWhole, showWhole] = useState(false);
  const { data } = read;
  const isKnown = data !== undefined && operations.data !== undefined && (isAgent || origins.data !== undefined);
  const { carrierAccounts = [], keptNumbers, callGroups } = origins.data ?? {};
  /** @type {Finding[]} */
  const findings = [
    ...troubledAccounts(carrierAccounts),
    ...(data ? [...inactiveNumbers(data.inactive.nodes), ...rejectedAgents(data.agents.nodes)] : []),
    ...failedOperations(operations.data, now).filter(({ key }) => !hidden.includes(key)),
    ...waitingPorts(keptNumbers?.nodes ?? []).filter(({ key }) => !hidden.includes(key)),
    // Until the groups are known, an agent of one would be said to be out of reach.
    ...(data && isKnown
      ? agentsWithoutNumber(data.agents.nodes, data.inactive.nodes, calledByGroup(callGroups?.nodes ?? []))
      : []),
  ];
  const missed = data ? missedCalls(data.recent.nodes, now) : [];
  const shown = isWhole ? findings : findings.slice(0, SHOWN);
  const isQuiet = findings.length === 0 && missed.length === 0;

  return html`<${Section} title="Needs attention">
    <${Problem} read=${read} />
    <${Problem} read=${operations} />
    <${Problem} read=${origins} />
    ${!isKnown && (read.loading || operations.loading || origins.loading) && html`<${Loading} />`}
    ${isKnown && isQuiet && html`<${Notice} kind="success">All is well: nothing needs you.</${Notice}>`}
    ${
      !isQuiet &&
      html`<ul class="findings">
      ${missed.map((group) => html`<${Missed} key=${group.isPool ? 'pool' : (group.agent?.id ?? '')} group=${group} isCut=${Boolean(data?.recent.pageInfo.hasNextPage)} now=${now} />`)}
      ${shown.map(
        (finding) =>
          html`<${Item} key=${finding.key} finding=${finding} now=${now} onHide=${(/** @type {Event} */ event) => {
            focusNeighbour(event.currentTarget);
            hide(finding.key);
          }} onDone=${refetch} />`,
      )}
    </ul>`
    }
    ${findings.length > shown.length && html`<${Button} kind="quiet" onClick=${() => showWhole(true)}>Show ${format.number(findings.length - shown.length)} more</${Button}>`}
    ${data?.agents.pageInfo.hasNextPage && html`<p class="hint">Of your agents, the newest 100 are checked here. <a href=${href('/agents')}>All agents</a></p>`}
  </${Section}>`;
}

/** @param {{ finding: Finding, now: number, onHide: (event: Event) => void, onDone: () => void }} props */
function Item({ finding: { tone, text, why, at, link, repair, canHide }, now, onHide, onDone }) {
  const [before, name, after] = text;
  return html`<li>
    <${Badge} tone=${tone}>${tone === 'bad' ? 'Problem' : 'To do'}</${Badge}>
    <div class="what"><p>${before}${name && html`<bdi><b>${name}</b></bdi>`}${after}</p>
      ${(why || at) && html`<p class="hint">${at && html`<time datetime=${at} title=${format.dateTime(at)}>${format.ago(at, now)}</time>: `}<bdi>${why}</bdi></p>`}
    </div>
    <div class="actions">
      ${repair && html`<${Repair} id=${repair} number=${name} onDone=${onDone} />`}
      ${link && html`<a class="button" href=${link.href} aria-label=${`${link.label}: ${before}${name}${after}`}>${link.label}</a>`}
      ${canHide && html`<${Button} kind="quiet" label=${`Hide: ${before}${name}${after}`} onClick=${onHide}>Hide</${Button}>`}
    </div>
  </li>`;
}

/** @param {{ group: ReturnType<typeof missedCalls>[number], isCut: boolean, now: number }} props */
function Missed({ group: { agent, isPool, calls }, isCut, now }) {
  const [latest] = calls;
  if (!latest) return null;
  const count = `${isCut ? 'At least ' : ''}${format.number(calls.length)} ${calls.length === 1 ? 'call' : 'calls'}`;
  const list = new URLSearchParams({
    from: format.isoDay(new Date(now - 3_600_000)),
    ...(agent && { agent: agent.id }),
  });
  return html`<li>
    <${Badge} tone="warn">Missed</${Badge}>
    <div class="what"><p>${count} in the last hour ${isPool ? 'went to numbers in the pool, which no agent answers' : html`did not reach ${agent ? html`<bdi><b>${agent.name}</b></bdi>` : 'an agent'}`}.</p>
      <p class="hint">The latest, <a href=${href(`/calls/${encodeURIComponent(latest.id)}`)}>from <${Party} value=${latest.from} /></a>
        ${` ${format.ago(latest.startedAt, now)}: `}<bdi>${latest.decision.reason}</bdi></p>
    </div>
    <div class="actions">
      ${agent && html`<a class="button" href=${href(`/agents/${encodeURIComponent(agent.id)}`)} aria-label=${`Open the agent ${agent.name}`}>Open the agent</a>`}
      ${isPool && html`<a class="button" href=${href('/numbers?pool=1')}>Show the pool</a>`}
      <a class="button" href=${`${href('/calls')}?${list}`} aria-label=${`Show the calls of ${agent?.name ?? 'no agent'}`}>Show the calls</a>
    </div>
  </li>`;
}

/** The next finding takes the focus of one that is about to go. @param {EventTarget | null} button */
function focusNeighbour(button) {
  const item = button instanceof Element ? button.closest('li') : null;
  const neighbour = item?.nextElementSibling ?? item?.previousElementSibling;
  const target = neighbour?.querySelector('.actions a, .actions button') ?? document.querySelector('h1');
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
}

/** @returns {[string[], (key: string) => void]} */
function useHidden() {
  const [hidden, setHidden] = useState(readHidden);
  const hide = (/** @type {string} */ key) => {
    const next = [...hidden, key].slice(-MOST_HIDDEN);
    setHidden(next);
    try {
      localStorage.setItem(HIDDEN, JSON.stringify(next));
    } catch {
      // Without storage, or with a full one, it is hidden until the page is loaded again.
    }
  };
  return [hidden, hide];
}

/** @returns {string[]} */
function readHidden() {
  try {
    const kept = JSON.parse(localStorage.getItem(HIDDEN) ?? '[]');
    return Array.isArray(kept) ? kept.filter((key) => typeof key === 'string') : [];
  } catch {
    return [];
  }
}
