// Replaces the agent's token.

import { useState } from 'preact/hooks';

import { AgentRotateToken } from '../../generated/operations.js';
import { useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, Section } from '../../ui/basic.js';
import { Confirm, Dialog } from '../../ui/dialog.js';
import { Token } from '../../ui/token.js';

/** @param {{ agent: import('../agent.js').Agent, onRotated: () => void }} props */
export function TokenSection({ agent, onRotated }) {
  const [isAsking, setAsking] = useState(false);
  const [token, setToken] = useState(/** @type {string | null} */ (null));
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const [rotate, busy] = useMutation(AgentRotateToken);
  const confirm = async () => {
    setProblem(null);
    const changed = await rotate({ input: { id: agent.id } });
    const made = changed.data?.rotateAgentToken?.apiToken;
    if (!made) {
      setProblem(changed.userErrors[0]?.message ?? changed.problem ?? 'No token was created. Try again.');
      return;
    }
    setAsking(false);
    setToken(made);
    onRotated();
  };
  return html`<${Section} title="Token" actions=${html`<${Button} onClick=${() => setAsking(true)}>Create a new token…</${Button}>`}>
    <p>Programs read this agent’s calls and texts with it. It begins with <code>${agent.tokenPreview}</code>.</p>
    ${
      isAsking &&
      html`<${Confirm} title="Create a new token?" action="Create a new token" danger=${true} busy=${busy} onConfirm=${confirm}
        onClose=${() => setAsking(false)} problem=${problem && html`<${Notice} kind="error">${problem}</${Notice}>`}>
        <p>The old token stops working at once. Programs that use it can read nothing until they have the new one.</p>
      </${Confirm}>`
    }
    ${
      token &&
      html`<${Dialog} title="The new token">
        <${Token} token=${token} />
        <div class="actions end"><${Button} kind="primary" onClick=${() => setToken(null)}>I have stored it</${Button}></div>
      </${Dialog}>`
    }
  </${Section}>`;
}
