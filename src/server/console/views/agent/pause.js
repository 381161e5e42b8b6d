// Pauses the agent, after saying what callers get meanwhile, and resumes it.

import { useState } from 'preact/hooks';

import { AgentUpdate } from '../../generated/operations.js';
import { useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, say } from '../../ui/basic.js';
import { Confirm } from '../../ui/dialog.js';
import { whileInactive } from './situation.js';

/** @param {{ agent: import('../agent.js').Agent, onChanged: () => void }} props */
export function PauseButton({ agent, onChanged }) {
  const [isAsking, setAsking] = useState(false);
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const [update, busy] = useMutation(AgentUpdate);
  const isActive = agent.status === 'ACTIVE';

  const change = async () => {
    setProblem(null);
    const changed = await update({ input: { id: agent.id, status: isActive ? 'INACTIVE' : 'ACTIVE' } });
    // With an agent the change is stored, whether or not the voice provider has it yet.
    if (!changed.data?.updateAgent?.agent) {
      const message = changed.userErrors[0]?.message ?? changed.problem ?? 'The change was not made. Try again.';
      if (isActive) setProblem(message);
      else say(message, 'error');
      return;
    }
    setAsking(false);
    say(isActive ? 'The agent is paused.' : 'The agent takes calls again.');
    onChanged();
  };

  return html`<${Button} busy=${busy} onClick=${isActive ? () => setAsking(true) : change}>${isActive ? 'Pause…' : 'Resume'}</${Button}>
    ${
      isAsking &&
      html`<${Confirm} title="Pause the agent?" action="Pause" busy=${busy} onConfirm=${change} onClose=${() => setAsking(false)}
      problem=${problem && html`<${Notice} kind="error">${problem}</${Notice}>`}>
      <p>It takes no calls until you resume it. ${whileInactive(agent)}</p>
      <p>Calls under way go on. Its numbers are kept, and cost the same.</p>
    </${Confirm}>`
    }`;
}
