// Call: what happened and why, live while it is under way.

import { CallDetails, CallFollowed } from '../generated/operations.js';
import * as format from '../lib/format.js';
import { useQuery, useSubscription, useThrottled, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import { href } from '../lib/router.js';
import { Copy, Empty, Facts, Loading, Problem, Section, ViewHead } from '../ui/basic.js';
import { Party } from '../ui/party.js';
import { CallState, isUnderWay, Outcome } from '../ui/words.js';
import { lastSearch } from './calls/filters.js';
import { Timeline } from './call/timeline.js';
import { Transcript } from './call/transcript.js';

/** @typedef {import('./call/timeline.js').Call} Call */

/** @param {import('../app.js').ViewProps} props */
export default function View({ parameters: [id = ''] }) {
  // Back to the list as it was filtered.
  const list = { href: href('/calls') + lastSearch(), label: 'Calls' };
  const read = useQuery(CallDetails, { id }, { byId: true });
  const node = read.data?.node;
  const call = node && 'sid' in node ? node : null;
  const title = call ? `Call of ${format.dateTime(call.startedAt)}` : 'Call';
  const heading = useTitle(title);
  const refetch = useThrottled(read.refetch, 300);
  // Also after the end: duration, price and transcript arrive a moment later.
  useSubscription(
    CallFollowed,
    { agentId: call?.agent?.id ?? null },
    ({ callUpdated }) => callUpdated.id === id && refetch(),
    { pause: call === null, onStart: read.refetch },
  );
  return html`<${ViewHead} title=${title} heading=${heading} back=${list}>
      ${call && html`<${Outcome} value=${call.outcome} /><${CallState} call=${call} />`}
    </${ViewHead}>
    <${Problem} read=${read} />
    ${!read.data && read.loading && html`<${Loading} />`}
    ${read.data && !call && !read.problem && html`<${Empty} action=${html`<a class="button" href=${href('/calls')}>Show all calls</a>`}>There is no such call. It may have been deleted, or the link is not complete.</${Empty}>`}
    ${call && html`<${Timeline} call=${call} /><${Details} call=${call} /><${Transcript} call=${call} />`}`;
}

/** @param {{ call: Call }} props */
function Details({ call }) {
  const { agent, phoneNumber, conversationId, callerAttestation } = call;
  const yetUnknown = isUnderWay(call) ? 'Known after the call' : format.NONE;
  return html`<${Section} title="Facts"><${Facts} items=${[
    ['From', html`<${Party} value=${call.from} />`],
    [
      'To',
      phoneNumber
        ? html`<a href=${href(`/numbers/${encodeURIComponent(phoneNumber.id)}`)}><${Party} value=${call.to} /></a>`
        : html`<${Party} value=${call.to} />`,
    ],
    agent && ['Agent', html`<a href=${href(`/agents/${encodeURIComponent(agent.id)}`)}><bdi>${agent.name}</bdi></a>`],
    ['Duration', call.durationSeconds === null ? yetUnknown : format.duration(call.durationSeconds)],
    ['Estimated cost', call.estimatedCost === null ? yetUnknown : format.money(call.estimatedCost)],
    ['Is the caller’s number genuine?', attestation(callerAttestation)],
    ['Call SID', html`<code>${call.sid}</code> <${Copy} text=${call.sid} label="Copy SID" />`],
    conversationId && [
      'Conversation id',
      html`<code>${conversationId}</code> <${Copy} text=${conversationId} label="Copy id" />`,
    ],
  ]} /></${Section}>`;
}

/** The carrier's statement on the caller's number, in words. @param {string | null} value such as `TN-Validation-Passed-A` */
function attestation(value) {
  if (!value) return 'The carrier does not say';
  const said = html` <code>${value}</code>`;
  if (/Passed-A/.test(value)) return html`Yes, the caller’s carrier confirms it.${said}`;
  if (/Passed-B/.test(value)) return html`Not certain: the carrier knows the caller, but not the number.${said}`;
  if (/Passed-C/.test(value)) return html`Not known: the call comes from another network.${said}`;
  if (/Failed/.test(value)) return html`Doubtful: the check failed, so it may be forged.${said}`;
  return html`Not checked.${said}`;
}
