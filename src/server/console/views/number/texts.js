// What a number may send, as the carrier says.

import { html } from '../../lib/html.js';
import { Badge, Notice } from '../../ui/basic.js';
import { sentence } from '../../ui/progress.js';

/** @typedef {import('../../generated/types').MessagingStatus} Status */
/** @typedef {{ messagingStatus: Status, messagingStatusReason: string | null }} Registered */

/** @type {Record<Status, [string, import('../../ui/words.js').Tone]>} */
const STATUSES = {
  READY: ['Can send texts', 'good'],
  UNREGISTERED: ['Not registered', 'bad'],
  PENDING: ['Registration in review', 'busy'],
  REJECTED: ['Registration rejected', 'bad'],
  UNSUPPORTED: ['Cannot send texts', 'neutral'],
  UNKNOWN: ['Not known yet', 'neutral'],
};

/** @param {{ number: Registered }} props */
export function Sending({ number: { messagingStatus, messagingStatusReason } }) {
  const [text, tone] = STATUSES[messagingStatus] ?? [messagingStatus, 'neutral'];
  return html`<${Badge} tone=${tone}>${text}</${Badge}>
    ${messagingStatusReason && html`<div class="hint">${sentence(messagingStatusReason)}</div>`}`;
}

/** Says before a text is written that networks may refuse it. @param {{ number: Registered }} props */
export function SendingProblem({ number: { messagingStatus, messagingStatusReason } }) {
  const isDoubtful =
    messagingStatus === 'UNREGISTERED' || messagingStatus === 'PENDING' || messagingStatus === 'REJECTED';
  if (!isDoubtful) return null;
  const [text] = STATUSES[messagingStatus];
  return html`<${Notice} kind="warning">${text}: texts from this number may not be sent. ${messagingStatusReason && sentence(messagingStatusReason)}</${Notice}>`;
}
