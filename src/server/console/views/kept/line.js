// How far a kept number is: short for a list, and step by step.

import { html } from '../../lib/html.js';
import { KeptState, stepsOf } from './words.js';

/** @type {Record<string, [string, string]>} */
const MARKS = { done: ['✓', 'Done'], now: ['●', 'Under way'], 'to-come': ['○', 'To come'] };

/** A badge above a row of marks. @param {{ state: string }} props */
export function ShortLine({ state }) {
  const steps = stepsOf(state);
  const done = steps.filter(({ mark }) => mark === 'done').length;
  return html`<span class="block"><${KeptState} value=${state} />
    ${
      steps.length > 0 &&
      html`<span class="track" aria-hidden="true">${steps.map(({ step, mark }) => html`<i key=${step} class=${mark}></i>`)}</span>
      <span class="hidden">${done} of ${steps.length} steps are done.</span>`
    }</span>`;
}

/** @param {{ state: string }} props */
export function Line({ state }) {
  const steps = stepsOf(state);
  if (steps.length === 0) return null;
  return html`<ol class="steps" aria-label="Steps">${steps.map(({ step, label, mark }) => {
    const [sign, said] = MARKS[mark] ?? ['○', ''];
    return html`<li key=${step} class=${mark} aria-current=${mark === 'now' ? 'step' : undefined}>
      <span class="mark" aria-hidden="true">${sign}</span><span>${label}<span class="hidden">: ${said}</span></span></li>`;
  })}</ol>`;
}
