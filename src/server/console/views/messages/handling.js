// Who answers a thread, and who is to answer from now on.

import { useEffect, useRef, useState } from 'preact/hooks';

import { MessagesSetHandling } from '../../generated/operations.js';
import { useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { href } from '../../lib/router.js';
import { Button, Notice } from '../../ui/basic.js';
import { sentence } from '../../ui/progress.js';
import { Handling } from './words.js';

/** @typedef {import('./thread.js').Thread} Thread */
/** @typedef {Thread['handling']} Value */

/** @param {{ thread: Thread, canChange: boolean, onChanged: () => void }} props */
export function WhoAnswers({ thread, canChange, onChanged }) {
  const { handling } = thread;
  const [set, busy] = useMutation(MessagesSetHandling);
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const said = useRef(/** @type {HTMLParagraphElement | null} */ (null));
  const isChosen = useRef(false);
  useEffect(() => {
    // The button is gone with what it changed, and with it the focus.
    if (isChosen.current && document.activeElement === document.body) said.current?.focus();
    isChosen.current = false;
  }, [handling]);
  const choose = async (/** @type {Value} */ to) => {
    setProblem(null);
    isChosen.current = true;
    const changed = await set({ input: { threadId: thread.id, handling: to } });
    const [first] = changed.userErrors;
    if (!changed.ok) setProblem(first ? sentence(first.message) : changed.problem);
    onChanged();
  };
  const button = (/** @type {Value} */ to, /** @type {string} */ words, kind = 'plain') =>
    html`<${Button} key=${to} kind=${kind} busy=${busy} onClick=${() => choose(to)}>${words}</${Button}>`;
  return html`<section class=${`card who-answers ${handling === 'WAITING_FOR_PERSON' ? 'waiting' : ''}`} aria-label="Who answers">
    <p class="grow" ref=${said} tabindex="-1" role="status"><${Handling} value=${handling} /> ${sentenceFor(thread)}</p>
    ${
      canChange &&
      html`<div class="actions">
      ${handling !== 'PERSON' && button('PERSON', 'Take over', handling === 'WAITING_FOR_PERSON' ? 'primary' : 'plain')}
      ${handling !== 'AGENT' && thread.agent && button('AGENT', handling === 'NOBODY' ? 'Let the agent answer' : 'Hand back to the agent')}
      ${handling !== 'NOBODY' && button('NOBODY', 'Leave to nobody')}
    </div>`
    }
    ${problem && html`<${Notice} kind="error">${problem}</${Notice}>`}
  </section>`;
}

/** What follows for texts that come in. @param {Thread} thread */
function sentenceFor({ handling, agent }) {
  switch (handling) {
    case 'WAITING_FOR_PERSON':
      return 'The agent could not answer. Take over and answer yourself, or hand back to the agent.';
    case 'PERSON':
      return 'A person has taken over and answers here.';
    case 'AGENT':
      if (agent && agent.messaging !== 'AGENT')
        return html`<bdi>${agent.name}</bdi> does not answer texts. Take over, or <a href=${href(`/agents/${encodeURIComponent(agent.id)}`)}>let the agent answer them</a> in its settings.`;
      return html`${agent ? html`<bdi>${agent.name}</bdi>` : 'The agent'} answers. Take over before you write, so that not both do.`;
    default:
      return 'Nobody has taken this over: texts are stored and shown here.';
  }
}
