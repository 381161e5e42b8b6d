// What was said, as a dialogue.

import * as format from '../../lib/format.js';
import { html } from '../../lib/html.js';
import { Empty, Section } from '../../ui/basic.js';
import { isUnderWay } from '../../ui/words.js';

/** @param {{ call: import('./timeline.js').Call }} props */
export function Transcript({ call }) {
  return html`<${Section} title="Transcript">
    ${call.transcript && call.transcript.length > 0 ? html`<${Dialogue} lines=${call.transcript} />` : html`<${Empty}>${missing(call)}</${Empty}>`}
  </${Section}>`;
}

/** Why there is nothing to read. @param {import('./timeline.js').Call} call */
function missing(call) {
  if (call.transcript) return 'Nothing was said.';
  if (call.conversationId === null && !isUnderWay(call))
    return 'The agent did not take this call, so there is no transcript.';
  const when = isUnderWay(call)
    ? 'The transcript arrives after the call'
    : 'There is no transcript. One arrives within a minute after the call';
  return html`${when}, if the server stores transcripts: the operator turns that on with <code>STORE_TRANSCRIPTS</code>.`;
}

/** @param {{ lines: NonNullable<import('./timeline.js').Call['transcript']> }} props */
function Dialogue({ lines }) {
  return html`<ol class="dialogue">${lines.map(
    ({ speaker, text, atSeconds }, i) => html`<li key=${i} class=${speaker === 'AGENT' ? 'agent' : 'caller'}>
      <div class="hint">${speaker === 'AGENT' ? 'Agent' : 'Caller'}, ${format.duration(atSeconds)}</div>
      <p dir="auto">${text}</p></li>`,
  )}</ol>`;
}
