// What happened in a call, in words and in order.

import * as format from '../../lib/format.js';
import { useNow } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { href } from '../../lib/router.js';
import { Section } from '../../ui/basic.js';
import { Party } from '../../ui/party.js';
import { isUnderWay } from '../../ui/words.js';

/** @typedef {Extract<NonNullable<import('../../generated/types').CallDetailsQuery['node']>, { sid: string }>} Call */
/** @typedef {import('preact').ComponentChildren} Children */

/** @param {{ call: Call }} props */
export function Timeline({ call }) {
  const { from, to, startedAt, endedAt } = call;
  return html`<${Section} title="What happened">
    <ol class="timeline">
      <${Event} title="The call arrived" at=${startedAt}>From <${Party} value=${from} /> to <${Party} value=${to} />.</${Event}>
      <${Event} title=${decided(call)}>${why(call)}</${Event}>
      <${Event} title=${answered(call)}>${details(call)}</${Event}>
      ${isUnderWay(call) ? html`<${Running} call=${call} />` : html`<${Event} title=${ended(call)} at=${endedAt} />`}
    </ol>
  </${Section}>`;
}

/** @param {{ title: Children, at?: string | null, children?: Children }} props */
function Event({ title, at, children }) {
  return html`<li>${at && html`<time datetime=${at}>${format.dateTime(at)}</time>`}<b>${title}</b>${children && html`<div>${children}</div>`}</li>`;
}

/** @param {{ call: Call }} props */
function Running({ call }) {
  const seconds = (useNow() - Date.parse(call.startedAt)) / 1000;
  return html`<${Event} title=${html`Under way for ${format.duration(seconds)}`}>This page follows the call.</${Event}>`;
}

/** Which rule decided. @param {Call} call @returns {Children} */
function decided({ decision: { ruleName } }) {
  return ruleName === null ? 'No rule applied' : html`The rule <bdi>“${ruleName}”</bdi> applied`;
}

/** What the decision was, and why. @param {Call} call @returns {Children} */
function why({ decision, phoneNumber }) {
  const rules = phoneNumber && href(`/numbers/${encodeURIComponent(phoneNumber.id)}`);
  return html`${decision.action && html`<p>${doing(decision.action)}</p>`}
    <ul class="reasons">${reasons(decision.reason).map((reason) => html`<li key=${reason}><bdi>${reason}</bdi></li>`)}</ul>
    ${rules && html`<a href=${rules}>Rules of the number</a>`}`;
}

/** The steps of a reason, each as a sentence. @param {string} reason */
function reasons(reason) {
  return reason.split('; ').map((step) => step.charAt(0).toUpperCase() + step.slice(1));
}

/** @param {NonNullable<Call['decision']['action']>} action @returns {Children} */
function doing({ kind, forwardTo, ringSeconds, message }) {
  const number = html`<bdi class="phone">${forwardTo}</bdi>`;
  switch (kind) {
    case 'AGENT':
      return 'It lets the agent answer.';
    case 'FORWARD':
      return html`It forwards the call to ${number}${ringSeconds && html`, ringing for ${ringSeconds} seconds`}.`;
    case 'FORWARD_THEN_AGENT':
      return html`It rings ${number} for ${ringSeconds} seconds; if nobody answers, the agent does.`;
    case 'MESSAGE':
      return html`It plays a message: <bdi>“${message}”</bdi>`;
    case 'REJECT':
      return 'It rejects the call.';
    default:
      return format.words(kind);
  }
}

/** Who answered. @param {Call} call @returns {Children} */
function answered(call) {
  const { outcome, status, agent } = call;
  const name = agent ? html`<bdi>${agent.name}</bdi>` : 'the agent';
  if (status === 'RINGING') return outcome === 'AGENT' ? html`Being put through to ${name}` : 'Ringing';
  if (outcome === 'REJECTED') return 'The call was rejected';
  if (outcome === 'BUSY') return 'The caller heard that all lines are busy';
  if (outcome === 'UNAVAILABLE') return 'The caller heard a message';
  if (status !== 'COMPLETED' && status !== 'IN_PROGRESS') return 'Nobody answered';
  return outcome === 'AGENT' ? html`${name} answered` : 'A person answered';
}

/** What the API says of a call to a number that was in the pool, whose agent in the record is its last one. */
const NO_AGENT = 'the number has no agent';

/** What it says of a call that a call group could not take. */
const GROUP = 'no member of the call group';

/** What is to know of the answer. @param {Call} call @returns {Children} */
function details({ outcome, decision, agent }) {
  if (outcome === 'FALLBACK') {
    const number = decision.action?.forwardTo;
    if (number) return html`At <bdi class="phone">${number}</bdi>.`;
    return 'At the agent’s fallback number.';
  }
  if (outcome === 'BUSY' && decision.reason.includes(GROUP))
    return 'No agent of the call group had room, or all call slots of the plan were in use.';
  if (outcome === 'BUSY')
    return 'All call slots of the plan were in use. A fallback number or a larger plan avoids this.';
  if (
    outcome === 'UNAVAILABLE' &&
    decision.action?.kind !== 'MESSAGE' &&
    !decision.reason.includes(NO_AGENT) &&
    agent?.status === 'ACTIVE' &&
    !agent.fallbackNumber
  )
    return html`The agent has no fallback number. <a href=${href(`/agents/${encodeURIComponent(agent.id)}`)}>Give it one</a>`;
  return null;
}

/** @param {Call} call @returns {Children} */
function ended({ status, durationSeconds }) {
  const length = durationSeconds ? ` after ${format.duration(durationSeconds)}` : '';
  switch (status) {
    case 'CANCELED':
      return 'The caller hung up before it was answered';
    case 'NO_ANSWER':
      return 'Ended without an answer';
    case 'BUSY':
      return 'Ended with a busy signal';
    case 'FAILED':
      return 'Failed: it could not be connected';
    default:
      return `Ended${length}`;
  }
}
