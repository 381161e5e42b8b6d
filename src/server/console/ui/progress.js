// The progress of an operation, step by step.

import { useEffect, useRef, useState } from 'preact/hooks';

import { ProgressStart, ProgressStarted, ProgressUpdated } from '../generated/operations.js';
import { liveness } from '../lib/api.js';
import { words } from '../lib/format.js';
import { readOnce, useQuery, useSubscription } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import { Button, Loading, Notice, Problem } from './basic.js';
import { Dialog } from './dialog.js';
import { State } from './words.js';

/** @typedef {NonNullable<import('../generated/types').ProgressStartQuery['operation']>} Operation */
/** @typedef {'done' | 'now' | 'failed' | 'to-come' | 'not-done'} Mark */
/** @typedef {{ step: string, label: string, mark: Mark }} Step */

/** How often an operation is read again without, and with, a socket that announces its changes. Milliseconds. */
const READ_EVERY = 2_000;
const READ_EVERY_WHILE_LIVE = 15_000;
/** How often an operation is looked for while its mutation waits. Milliseconds. */
const LOOK_EVERY = 500;

/** Words and steps of every kind, in the usual order. @type {Record<string, [string, string[]]>} */
const KINDS = {
  CREATE_AGENT: ['Create the agent', ['create_voice_agent', 'search_numbers', 'claim_number', 'buy_number']],
  PROVISION_NUMBER: ['Buy a number', ['search_numbers', 'claim_number', 'buy_number']],
  RELEASE_NUMBER: ['Release the number', ['release_number']],
  REPAIR_NUMBER: ['Repair the number', ['repair_number']],
  CHECK_NUMBER: ['Check the number', ['check_number']],
  DELETE_AGENT: ['Delete the agent', ['release_number', 'delete_voice_agent']],
  RESTORE_VOICE_AGENT: ['Restore the voice agent', ['create_voice_agent']],
  IMPORT_NUMBER: ['Import a number', ['record_number', 'point_number']],
  RESTORE_NUMBER: ['Restore a number’s former settings', ['restore_settings']],
  MOVE_NUMBER: ['Move the number to another account', ['move_number']],
  KEEP_NUMBER: ['Buy the number to forward to', ['search_numbers', 'claim_number', 'buy_number']],
  PORT_NUMBER: [
    'Port the number',
    [
      'check_portability',
      'upload_bill',
      'request_port',
      'create_address',
      'follow_port',
      'cut_over',
      'register_address',
    ],
  ],
  CREATE_CARRIER_ACCOUNT: ['Create the carrier account', ['create_carrier_account']],
  SEND_MESSAGE: ['Send a text message', ['send_message']],
};

/** @type {Record<string, string>} */
const STEPS = {
  create_voice_agent: 'Set up the voice agent',
  search_numbers: 'Look for a number on sale',
  claim_number: 'Choose the number',
  buy_number: 'Buy the number and connect it',
  release_number: 'Release the number',
  repair_number: 'Compare the number’s settings at the carrier and correct them',
  check_number: 'Look the number up at the carrier',
  record_number: 'Read what is set on the number, and store it',
  point_number: 'Connect the number',
  restore_settings: 'Put the former settings back at the carrier',
  move_number: 'Move the number, and look it up in the other account',
  check_portability: 'Ask the carrier whether the number can be ported',
  upload_bill: 'Hand the bill over',
  request_port: 'Request the port',
  create_address: 'Create the emergency address, if it was asked for',
  follow_port: 'Wait for the carriers, for days to weeks',
  cut_over: 'Connect the number that has arrived',
  register_address: 'Register the emergency address, if it was asked for',
  create_carrier_account: 'Create a subaccount at the carrier',
  delete_voice_agent: 'Delete the voice agent',
  send_message: 'Hand the message to the carrier',
};

/** A deletion may release no number, or several. */
const RELEASES = 'Release its numbers, unless they are kept';

/** Steps of a purchase: an agent may be created without one. */
const PURCHASE = ['search_numbers', 'claim_number', 'buy_number'];

/** Errors of the purchase. The search runs beside the creation of the voice agent, whose step is the present one then. */
const PURCHASE_ERRORS = [
  'NO_AVAILABLE_NUMBERS',
  'NUMBER_TAKEN',
  'CARRIER_REJECTED',
  'CARRIER_UNAVAILABLE',
  'LIMIT_REACHED',
];

/** @type {Record<Mark, [string, string]>} */
const MARKS = {
  done: ['✓', 'Done'],
  now: ['', 'Under way'],
  failed: ['✕', 'Failed'],
  'to-come': ['○', 'To come'],
  'not-done': ['–', 'Not done'],
};

/** What helps after a failure, where the message does not say it, by the error's code. @type {Record<string, string>} */
const ADVICE = {
  CARRIER_REJECTED: 'If you cannot change that yourself, tell your operator.',
  VOICE_PROVIDER_REJECTED: 'If you cannot change that yourself, tell your operator.',
};

/** What an operation does, in words. @param {string} kind */
export const kindWords = (kind) => KINDS[kind]?.[0] ?? words(kind);

/** A step of an operation, in words. @param {string} step */
export const stepWords = (step) => STEPS[step] ?? words(step);

/** @param {{ state: string }} operation */
export const hasEnded = ({ state }) => state === 'SUCCEEDED' || state === 'FAILED';

/**
 * The steps of an operation with how far each is.
 * @param {Pick<Operation, 'kind' | 'state' | 'step' | 'phoneNumber' | 'error'>} operation
 * @param {boolean} [withoutNumber] whether an agent is created without buying a number
 * @returns {Step[]}
 */
export function stepsOf({ kind, state, step: present, phoneNumber, error }, withoutNumber = false) {
  const isSearch = kind === 'CREATE_AGENT' && state === 'FAILED' && PURCHASE_ERRORS.includes(error?.code ?? '');
  const step = isSearch && present === 'create_voice_agent' ? 'search_numbers' : present;
  let steps = KINDS[kind]?.[1] ?? [];
  const buysNone = withoutNumber || (kind === 'CREATE_AGENT' && state === 'SUCCEEDED' && !phoneNumber);
  if (buysNone) steps = steps.filter((name) => !PURCHASE.includes(name));
  // A newer server may have steps that this page does not know.
  if (step !== 'done' && !steps.includes(step)) steps = [...steps, step];
  const at = steps.indexOf(step);
  return steps.map((name, index) => ({ step: name, label: labelOf(kind, name), mark: markOf(state, index, at) }));
}

/** @param {string} kind @param {string} step */
const labelOf = (kind, step) => (kind === 'DELETE_AGENT' && step === 'release_number' ? RELEASES : stepWords(step));

/** @param {string} state @param {number} index @param {number} at index of the present step @returns {Mark} */
function markOf(state, index, at) {
  if (state === 'SUCCEEDED' || index < at) return 'done';
  if (state === 'FAILED') return index === at ? 'failed' : 'not-done';
  return index === at && state === 'RUNNING' ? 'now' : 'to-come';
}

/**
 * An operation, live, until it has ended.
 * @param {string} id
 */
export function useOperation(id) {
  const [latest, setLatest] = useState(/** @type {Operation | null} */ (null));
  const operation = latest?.id === id ? latest : null;
  const ended = operation !== null && hasEnded(operation);
  const read = useQuery(ProgressStart, { id }, { pause: ended });
  // What has ended stays so: an answer that was under way meanwhile is older.
  const take = (/** @type {Operation} */ next) =>
    setLatest((before) => (before?.id === next.id && hasEnded(before) ? before : next));
  useSubscription(ProgressUpdated, { id }, (event) => take(event.operationUpdated), { pause: ended });
  const found = read.data?.operation;
  useEffect(() => {
    if (found?.id === id) take(found);
  }, [found, id]);

  const isLive = liveness.value === 'connected';
  useEffect(() => {
    if (ended) return undefined;
    const timer = setInterval(read.refetch, isLive ? READ_EVERY_WHILE_LIVE : READ_EVERY);
    return () => clearInterval(timer);
  }, [ended, isLive, read.refetch]);
  return { operation, read, isUnknown: read.data !== undefined && found === null };
}

/**
 * The operation that a mutation has started and waits for; null until it is found. A mutation answers after up to
 * 10 seconds, and its operation has steps to show before that.
 * @param {import('../generated/types').OperationFilter} filter with a kind
 * @param {boolean} isWaiting whether the mutation is under way
 * @param {string} [agentName] only an operation on an agent of this name, where the agent's id is not known yet
 * @returns {string | null}
 */
export function useStarted(filter, isWaiting, agentName) {
  const [found, setFound] = useState(/** @type {string | null} */ (null));
  const key = JSON.stringify(filter);
  useEffect(() => {
    setFound(null);
    if (!isWaiting) return undefined;
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    let isOver = false;
    const look = async () => {
      const nodes = await readOnce(ProgressStarted, { filter }).then(
        ({ operations }) => operations.nodes,
        // The mutation's answer has the operation too.
        () => [],
      );
      if (isOver) return;
      const started = nodes.find((node) => !hasEnded(node) && (!agentName || node.agent?.name === agentName));
      if (started) setFound(started.id);
      else timer = setTimeout(() => void look(), LOOK_EVERY);
    };
    timer = setTimeout(() => void look(), LOOK_EVERY);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key, isWaiting, agentName]);
  return found;
}

/**
 * An operation, step by step, until it has ended.
 * @param {{ operationId: string, onDone?: (operation: Operation) => void, withoutNumber?: boolean }} props `onDone`: called
 *   once when it has ended, also if it has failed. `withoutNumber`: an agent is created without buying a number.
 */
export function Progress({ operationId, onDone, withoutNumber = false }) {
  const { operation, read, isUnknown } = useOperation(operationId);
  const told = useRef(/** @type {string | null} */ (null));
  useEffect(() => {
    if (!operation || !hasEnded(operation) || told.current === operation.id) return;
    told.current = operation.id;
    onDone?.(operation);
  }, [operation]);

  if (isUnknown && !operation) {
    return html`<${Notice} kind="warning">This work is not known any more. Look at the agent or the number for its state.</${Notice}>`;
  }
  if (!operation) return read.problem ? html`<${Problem} read=${read} />` : html`<${Loading} />`;
  const steps = stepsOf(operation, withoutNumber);
  return html`<div class="progress" aria-busy=${hasEnded(operation) ? 'false' : 'true'}>
    <p class="progress-head"><b>${kindWords(operation.kind)}</b> <${State} value=${operation.state} /></p>
    <ol class="steps">${steps.map((step) => html`<${StepLine} key=${step.step} ...${step} attempts=${operation.attempts} />`)}</ol>
    <p class="hidden" role="status">${spoken(operation, steps)}</p>
    <${Remark} operation=${operation} />
    ${!hasEnded(operation) && html`<${Problem} read=${read} />`}
  </div>`;
}

/**
 * The progress in a dialog, which can be closed meanwhile.
 * @param {{ title: string, operationId: string, onDone: () => void, onClose: () => void, children?: import('preact').ComponentChildren }} props
 *   `children`: what is said below it
 */
export function Underway({ title, operationId, onDone, onClose, children }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <${Progress} operationId=${operationId} onDone=${onDone} />
    ${children}
    <div class="actions end"><${Button} kind="primary" onClick=${onClose}>Close</${Button}></div>
  </${Dialog}>`;
}

/** @param {Step & { attempts: number }} props */
function StepLine({ label, mark, attempts }) {
  const [sign, said] = MARKS[mark];
  const isAgain = mark === 'now' && attempts > 1;
  return html`<li class=${mark} aria-current=${mark === 'now' ? 'step' : undefined}>
    <span class="mark" aria-hidden="true">${mark === 'now' ? html`<span class="spinner"></span>` : sign}</span>
    <span>${label}<span class="hidden">: ${said}</span>${isAgain && html` <span class="muted">(attempt ${attempts})</span>`}</span>
  </li>`;
}

/** What a screen reader says when the operation moves on. @param {Operation} operation @param {Step[]} steps */
function spoken({ kind, state }, steps) {
  if (state === 'SUCCEEDED') return `${kindWords(kind)}: done.`;
  if (state === 'FAILED') return `${kindWords(kind)}: failed.`;
  const index = steps.findIndex(({ mark }) => mark === 'now');
  return index < 0
    ? `${kindWords(kind)}: waiting to start.`
    : `Step ${index + 1} of ${steps.length}: ${steps[index]?.label}`;
}

/** Why the operation waits, or why it failed and what helps. @param {{ operation: Operation }} props */
function Remark({ operation }) {
  const { kind, state, error, waitsFor } = operation;
  if (error) {
    const codes = error.suggestedAreaCodes ?? [];
    return html`<${Notice} kind=${state === 'FAILED' ? 'error' : 'warning'}>
      <p>${sentence(error.message)} ${ADVICE[error.code]}</p>
      ${codes.length > 0 && html`<p>Area codes with numbers on sale: ${codes.join(', ')}.</p>`}
    </${Notice}>`;
  }
  if (waitsFor && !hasEnded(operation)) {
    return html`<${Notice} kind="warning">Waiting: ${sentence(waitsFor.message)} It is tried again automatically; you can leave this page.</${Notice}>`;
  }
  if (state === 'PENDING' && kind === 'RELEASE_NUMBER') {
    return html`<p class="muted">Waiting for the end of the grace period. Until then the number takes calls, and the release can be cancelled.</p>`;
  }
  return null;
}

/** What messages of the API tell programs, and what to say instead. @type {[string, string][]} */
const FOR_PROGRAMS = [
  ['set ifUnavailable to ANY_IN_COUNTRY', 'take any number in the country'],
  ['search again with availablePhoneNumbers', 'search again'],
  ['restore them with repairPhoneNumber', 'repair the number'],
  ['give this one up with releasePhoneNumber', 'release this one'],
  ['assign it with assignPhoneNumber', 'assign it on its page'],
  ['buy it with provisionPhoneNumber', 'buy it'],
  ['repeat requestPort', 'request the port again'],
  ['cancel it with cancelPort first', 'cancel it first'],
  ['until the operation of keepPhoneNumber has succeeded', 'until it is bought'],
  ['see carrierAccounts', 'see the carrier accounts'],
  [
    'repeat the request with clearEmergencyAddress (deleteAgent: clearEmergencyAddresses) to have it removed first',
    'choose to have it removed first',
  ],
  ['recorded with setMessagingConsent', 'that you record'],
];

/**
 * A message of the API as a sentence for people: “the carrier is unavailable” → “The carrier is unavailable.”
 * @param {string} message
 */
export function sentence(message) {
  let text = message.charAt(0).toUpperCase() + message.slice(1);
  for (const [name, said] of FOR_PROGRAMS) text = text.replace(name, said);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/**
 * What came of a change, with its refusals as sentences: for a form.
 * @param {import('../lib/hooks.js').Changed<any>} changed
 * @returns {import('../lib/hooks.js').Changed<any>}
 */
export const inSentences = (changed) => ({
  ...changed,
  userErrors: changed.userErrors.map((error) => ({ ...error, message: sentence(error.message) })),
});
