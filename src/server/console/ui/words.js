// The words and colours of the API's states, once for all views.

import { html } from '../lib/html.js';
import { words } from '../lib/format.js';
import { Badge } from './basic.js';

/** @typedef {'good' | 'bad' | 'warn' | 'busy' | 'neutral'} Tone */

/** @type {Record<string, [string, Tone]>} */
const STATES = {
  // Agents and numbers
  ACTIVE: ['Active', 'good'],
  INACTIVE: ['Inactive', 'warn'],
  PENDING: ['Pending', 'busy'],
  DELETED: ['Deleted', 'neutral'],
  RELEASING: ['Being released', 'busy'],
  RELEASED: ['Released', 'neutral'],
  // Synchronization with the voice provider
  SYNCED: ['In step', 'good'],
  REJECTED: ['Rejected', 'bad'],
  // Operations
  RUNNING: ['Running', 'busy'],
  SUCCEEDED: ['Done', 'good'],
  FAILED: ['Failed', 'bad'],
  // Calls
  RINGING: ['Ringing', 'busy'],
  IN_PROGRESS: ['In progress', 'busy'],
  COMPLETED: ['Completed', 'good'],
  BUSY: ['Busy', 'warn'],
  NO_ANSWER: ['No answer', 'warn'],
  CANCELED: ['Hung up', 'neutral'],
  // Health
  OK: ['OK', 'good'],
  DEGRADED: ['Degraded', 'warn'],
  DOWN: ['Down', 'bad'],
};

/** The outcomes of calls, in the order of plots. @type {{ value: string, label: string, color: string, tone: Tone }[]} */
export const OUTCOMES = [
  { value: 'AGENT', label: 'Agent', color: '--plot-agent', tone: 'good' },
  { value: 'FALLBACK', label: 'Fallback', color: '--plot-fallback', tone: 'warn' },
  { value: 'BUSY', label: 'Busy', color: '--plot-busy', tone: 'warn' },
  { value: 'UNAVAILABLE', label: 'Unavailable', color: '--plot-unavailable', tone: 'bad' },
  { value: 'REJECTED', label: 'Rejected', color: '--plot-rejected', tone: 'neutral' },
];

/** A state as a badge. @param {{ value: string }} props an enum value of the API */
export function State({ value }) {
  const [text, tone] = STATES[value] ?? [words(value), 'neutral'];
  return html`<${Badge} tone=${tone}>${text}</${Badge}>`;
}

/** Whether a call has not ended. @param {{ status: string }} call */
export const isUnderWay = ({ status }) => status === 'RINGING' || status === 'IN_PROGRESS';

/**
 * The state of a call as a badge. The carrier reports only the end of a call that the agent took: such a call rings until the
 * voice provider tells of it.
 * @param {{ call: { status: string, outcome: string } }} props
 */
export function CallState({ call: { status, outcome } }) {
  if (status === 'RINGING' && outcome === 'AGENT') return html`<${Badge} tone="busy">Put through</${Badge}>`;
  return html`<${State} value=${status} />`;
}

/** An outcome of a call as a badge. @param {{ value: string }} props */
export function Outcome({ value }) {
  const known = OUTCOMES.find((outcome) => outcome.value === value);
  return html`<${Badge} tone=${known?.tone ?? 'neutral'}>${known?.label ?? words(value)}</${Badge}>`;
}

/**
 * A number as one of several to choose from: with its label and its agent. A list of options cannot isolate what is written from right to left
 * by markup, so characters do.
 * @param {{ number: string, label: string | null, agent?: { name: string } | null }} choice
 */
export const numberWords = ({ number, label, agent }) =>
  [number, ...[label, agent?.name].flatMap((text) => (text ? [`\u2068${text}\u2069`] : []))].join(' · ');

/** The options of a filter by these enum values. @param {string} all words for no filter @param {string[]} values @returns {[string, string][]} */
export function options(all, values) {
  return [
    ['', all],
    ...values.map((value) => /** @type {[string, string]} */ ([value, STATES[value]?.[0] ?? words(value)])),
  ];
}
