// Words about kept numbers: their states, and how far each is.

import { words } from '../../lib/format.js';
import { html } from '../../lib/html.js';
import { Badge } from '../../ui/basic.js';

/** @typedef {'good' | 'bad' | 'warn' | 'busy' | 'neutral'} Tone */
/** @typedef {'done' | 'now' | 'to-come'} Mark */

/** The states on the way, in their order: as a badge, and as a step that is done. @type {Record<string, [string, string, Tone]>} */
const WAY = {
  FORWARDING: ['Forwarding', 'Forward the calls', 'warn'],
  VERIFIED: ['Calls arrive', 'A forwarded call has arrived (may be skipped)', 'good'],
  PORT_REQUESTED: ['Port requested', 'Port requested', 'busy'],
  WAITING_FOR_SIGNATURE: ['Waits for a signature', 'Letter of authorization signed', 'warn'],
  PORT_IN_PROGRESS: ['At its carrier', 'Checked by its present carrier', 'busy'],
  PORT_DATE_SET: ['Date set', 'Port date confirmed', 'busy'],
  CUT_OVER: ['Being connected', 'Number arrived and connected', 'busy'],
  DONE: ['Ported', 'Ported', 'good'],
};

/** The ends that are not the aim. @type {Record<string, [string, Tone]>} */
const ENDS = { REJECTED: ['Rejected', 'bad'], CANCELED: ['Canceled', 'neutral'], EXPIRED: ['Expired', 'warn'] };

const STEPS = Object.keys(WAY);

/** States in which a port can be requested, or requested again; and in which it can be canceled. */
const MAY_PORT = ['FORWARDING', 'VERIFIED', 'REJECTED', 'CANCELED', 'EXPIRED'];
const MAY_CANCEL = ['PORT_REQUESTED', 'WAITING_FOR_SIGNATURE', 'PORT_IN_PROGRESS', 'PORT_DATE_SET', 'REJECTED'];

/** @param {{ state: string, target: unknown }} kept */
export const mayPort = ({ state, target }) => target !== null && MAY_PORT.includes(state);

/** @param {{ state: string }} kept */
export const mayCancel = ({ state }) => MAY_CANCEL.includes(state);

/** A state in words. @param {string} state */
export const stateWords = (state) => WAY[state]?.[0] ?? ENDS[state]?.[0] ?? words(state);

/** @param {{ value: string }} props */
export function KeptState({ value }) {
  const tone = WAY[value]?.[2] ?? ENDS[value]?.[1] ?? 'neutral';
  return html`<${Badge} tone=${tone}>${stateWords(value)}</${Badge}>`;
}

/**
 * The steps with how far each is; none for a state that is not on the way. A state says what was reached last: forwarded calls
 * and a confirmed date are reached, the others under way.
 * @param {string} state
 * @returns {{ step: string, label: string, mark: Mark }[]}
 */
export function stepsOf(state) {
  const at = STEPS.indexOf(state);
  if (at < 0) return [];
  const isReached = state === 'DONE' || state === 'VERIFIED' || state === 'PORT_DATE_SET' || state === 'PORT_REQUESTED';
  return STEPS.map((step, index) => ({
    step,
    label: WAY[step]?.[1] ?? words(step),
    mark: markOf(index, isReached ? at + 1 : at, state),
  }));
}

/** @param {number} index @param {number} present @param {string} state @returns {Mark} */
function markOf(index, present, state) {
  if (index < present) return 'done';
  // After a forwarded call has arrived nothing goes on by itself: a port has to be requested.
  return index === present && state !== 'VERIFIED' ? 'now' : 'to-come';
}
