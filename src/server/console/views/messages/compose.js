// Writing a text: what it will cost while it is typed, and sending it once.

import { useRef } from 'preact/hooks';

import { MessagesEstimate, MessagesSend } from '../../generated/operations.js';
import { number } from '../../lib/format.js';
import { useMutation, useQuery, useSettled } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { newKey } from '../../lib/key.js';
import { TextArea } from '../../ui/form.js';
import { sentence } from '../../ui/progress.js';

/** @typedef {NonNullable<NonNullable<import('../../generated/types').MessagesSendMutation['sendMessage']>['message']>} Sent */
/** @typedef {import('../../generated/types').MessagesEstimateQuery['estimateMessage']} Estimate */

/** Longest text that the API sends, in characters. */
const LONGEST = 1600;
/** Wait in milliseconds after the last key before a text is counted. */
const COUNT_AFTER = 500;

/** The field for the text, with its segments below. @param {{ form: import('../../ui/form.js').Form, label: string }} props */
export function TextBody({ form, label }) {
  const { body } = form.values;
  const estimate = useEstimate(body);
  // No maxlength: it would cut a text that is pasted, without a word.
  return html`<${TextArea} form=${form} name="body" label=${label} rows="3" dir="auto" hint=${countOf(body, estimate)} />`;
}

/** What the carrier will charge for, once the text has not changed for a moment. @param {string} body */
function useEstimate(body) {
  const settled = useSettled(body, COUNT_AFTER);
  const isCountable = settled.trim() !== '' && settled.length <= 2 * LONGEST;
  const read = useQuery(MessagesEstimate, { body: settled }, { pause: !isCountable });
  // The former count stays until the next one is there.
  const last = useRef(/** @type {Estimate | null} */ (null));
  if (read.data) last.current = read.data.estimateMessage;
  if (!isCountable) last.current = null;
  return last.current;
}

/** @param {string} body @param {Estimate | null} estimate */
function countOf(body, estimate) {
  if (body.trim() === '')
    return `Up to ${number(LONGEST)} characters. The carrier charges each segment like a text of its own.`;
  const characters = estimate?.characters ?? [...body].length;
  const length = `${number(characters)} of ${number(LONGEST)} characters`;
  if (characters > LONGEST) return `${length}: too long for one message.`;
  if (!estimate) return length;
  const segments = estimate.segments === 1 ? '1 segment' : `${number(estimate.segments)} segments`;
  const encoding =
    estimate.encoding === 'UCS_2'
      ? ' An emoji or another special character makes the segments short: 70 characters, or 67 in each of several.'
      : '';
  return `${length}, ${segments} (${estimate.encoding === 'UCS_2' ? 'UCS-2' : 'GSM-7'}).${encoding}`;
}

/**
 * Sends what the form has. Returns a function that sends, and whether a text is being sent.
 * @param {any} form with `body`
 * @param {(message: Sent) => void} onSent
 * @returns {[(phoneNumberId: string, to: string) => Promise<void>, boolean]}
 */
export function useSend(form, onSent) {
  const [send, busy] = useMutation(MessagesSend);
  const key = useRef('');
  const run = async (/** @type {string} */ phoneNumberId, /** @type {string} */ to) => {
    key.current ||= newKey();
    const { body } = form.values;
    const changed = await send({ input: { phoneNumberId, to, body, idempotencyKey: key.current } });
    // Without an answer the text may have been sent: the same key then finds it again.
    if (!changed.problem) key.current = '';
    const message = changed.data?.sendMessage?.message;
    if (form.settle({ ...changed, userErrors: changed.userErrors.map(plain) }) && message) onSent(message);
  };
  return [run, busy];
}

/** The refusals whose words are for programmers, in words for this form. @param {import('../../lib/hooks.js').Refusal} error */
function plain(error) {
  if (error.code !== 'IDEMPOTENCY_KEY_REUSED') return { ...error, message: sentence(error.message) };
  const message =
    'The answer to an earlier try was lost, and that try may have sent a text. Look at the messages before you send again.';
  return { ...error, field: null, message };
}
