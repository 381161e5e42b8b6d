// Words and colours of messages, of who answers, and of consent.

import { words } from '../../lib/format.js';
import { html } from '../../lib/html.js';
import { Badge } from '../../ui/basic.js';

/** @typedef {import('../../ui/words.js').Tone} Tone */

/** @type {Record<string, [string, Tone]>} */
const STATUSES = {
  RECEIVED: ['Received', 'neutral'],
  PENDING: ['Being sent', 'busy'],
  QUEUED: ['At the carrier', 'busy'],
  SENDING: ['On its way', 'busy'],
  SENT: ['Sent', 'good'],
  DELIVERED: ['Delivered', 'good'],
  UNDELIVERED: ['Not delivered', 'bad'],
  FAILED: ['Not sent', 'bad'],
  CANCELED: ['Canceled', 'neutral'],
};

/** @type {Record<string, [string, Tone]>} */
const HANDLINGS = {
  WAITING_FOR_PERSON: ['Waiting for a person', 'warn'],
  PERSON: ['A person', 'busy'],
  AGENT: ['The agent', 'good'],
  NOBODY: ['Nobody', 'neutral'],
};

/** @type {Record<string, [string, Tone]>} */
const CONSENTS = {
  IMPLIED: ['Nothing said', 'neutral'],
  OPTED_IN: ['Agreed to texts', 'good'],
  OPTED_OUT: ['Wants no texts', 'bad'],
};

/** @type {[string, string][]} */
export const HANDLING_OPTIONS = [
  ['', 'Anybody'],
  ...Object.entries(HANDLINGS).map(([value, [text]]) => /** @type {[string, string]} */ ([value, text])),
];

/** Whether a message did not arrive. @param {string} status */
export const isLost = (status) => status === 'FAILED' || status === 'UNDELIVERED';

/** @param {{ value: string }} props a status of a message */
export const Status = ({ value }) => labelled(STATUSES, value);

/** Who answers. @param {{ value: string }} props */
export const Handling = ({ value }) => labelled(HANDLINGS, value);

/** @param {{ value: string }} props */
export const Consent = ({ value }) => labelled(CONSENTS, value);

/** @param {Record<string, [string, Tone]>} known @param {string} value */
function labelled(known, value) {
  const [text, tone] = known[value] ?? [words(value), 'neutral'];
  return html`<${Badge} tone=${tone}>${text}</${Badge}>`;
}
