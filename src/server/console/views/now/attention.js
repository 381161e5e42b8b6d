// What needs attention, each with the action that mends it.

import { useState } from 'preact/hooks';

import { NowAttention, NowOperations } from '../../generated/operations.js';
import * as format from '../../lib/format.js';
import { useNow, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { href } from '../../lib/router.js';
import { Party } from '../../ui/party.js';
import { Badge, Button, Loading, Notice, Problem, Section } from '../../ui/basic.js';
import { agentsWithoutNumber, failedOperations, inactiveNumbers, missedCalls, rejectedAgents } from './findings.js';
import { Repair } from './repair.js';

/** @typedef {import('./findings.js').Finding} Finding */

/** Where this browser keeps which failures somebody has taken care of. */
const HIDDEN = 'switchboard.hidden';
const MOST_HIDDEN = 200;
/** Findings shown at first. */
const SHOWN = 8;
/** Calls shown of those that reached no agent. */
const CALLS_SHOWN = 3;

export function useAttention() {
  // Reads more than the last hour when the page stays open: what is older is left out when shown.
  const [hourAgo] = useState(() => new Date(Date.now() - 3_600_000).toISOString());
  const read = useQuery(NowAttention, { hourAgo });
  const operations = useQuery(NowOperations, {});
  const refetch = () => {
    read.refetch();
    operations.refetch();
  };
  return { read, operations, refetch };
}

/** @param {{ attention: ReturnType<typeof useAttention> }} props */
export function NeedsAttention({ attention: { read, operations, refetch } }) {
  const now = useNow(30_000);
  const [hidden, hide] = useHidden();
  const [isWhole, showWhole] = useState(false);
  const { data } = read;
  const isKnown = data !== undefined && operations.data !== undefined;
  /** @type {Finding[]} */
  const findings = [
    ...(data ? [...inactiveNumbers(data.inactive.nodes), ...rejectedAgents(data.agents.nodes)] : []),
    ...failedOperations(operations.data, now).filter(({ key }) => !hidden.includes(key)),
    ...(data ? agentsWithoutNumber(data.agents.nodes) : []),
  ];
  const missed = data ? missedCalls(data.recent.nodes, now) : [];
  const shown = isWhole ? findings : findings.slice(0, SHOWN);
  const isQuiet = findings.length === 0 && missed.length === 0;

  return html`<${Section} title="Needs attention">
    <${Problem} read=${read} />
    <${Problem} read=${operations} />
    ${!isKnown && (read.loading || operations.loading) && html`<${Loading} />`}
    ${isKnown && isQuiet && html`<${Notice} kind="success">All is well: nothing needs you.</${Notice}>`}
    ${
      !isQuiet &&
      html`<ul class="findings">
      ${missed.length > 0 && html`<${Missed} key="missed" calls=${missed} isCut=${Boolean(data?.recent.pageInfo.hasNextPage)} now=${now} />`}
      ${shown.map((finding) => html`<${Item} key=${finding.key} finding=${finding} now=${now} onHide=${() => hide(finding.key)} onDone=${refetch} />`)}
    </ul>`
    }
    ${findings.length > shown.length && html`<${Button} kind="quiet" onClick=${() => showWhole(true)}>Show ${format.number(findings.length - shown.length)} more</${Button}>`}
    ${data?.agents.pageInfo.hasNextPage && html`<p class="hint">Of your agents, the newest 100 are checked here. <a href=${href('/agents')}>All agents</a></p>`}
  </${Section}>`;
}

/** @param {{ finding: Finding, now: number, onHide: () => void, onDone: () => void }} props */
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

/** @param {{ calls: import('../../generated/types').NowAttentionQuery['recent']['nodes'], isCut: boolean, now: number }} props */
function Missed({ calls, isCut, now }) {
  const count = `${isCut ? 'At least ' : ''}${format.number(calls.length)} ${calls.length === 1 ? 'call' : 'calls'}`;
  return html`<li>
    <${Badge} tone="warn">Missed</${Badge}>
    <div class="what"><p>${count} in the last hour did not reach the agent.</p>
      ${calls.slice(0, CALLS_SHOWN).map(
        ({ id, from, startedAt, decision }) => html`<p key=${id} class="hint">
        <a href=${href(`/calls/${encodeURIComponent(id)}`)}><${Party} value=${from} /></a>, ${format.ago(startedAt, now)}: <bdi>${decision.reason}</bdi></p>`,
      )}
    </div>
    <div class="actions"><a class="button" href=${`${href('/calls')}?from=${format.isoDay(new Date(now - 3_600_000))}`}>Show the calls</a></div>
  </li>`;
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
