// An agent's token, which the API returns once.

import { html } from '../lib/html.js';
import { Copy, Notice } from './basic.js';

/** @param {{ token: string }} props */
export function Token({ token }) {
  return html`<${Notice} kind="warning">Copy the token now: it is not shown again. Whoever has it can read this agent’s calls and texts.</${Notice}>
    <p class="token"><code>${token}</code> <${Copy} text=${token} label="Copy the token" /></p>
    <p class="hint">If it is lost, create a new one on the agent’s page. The old one stops working then.</p>`;
}
