// Why a change was not made, where no form shows it at its fields.

import { html } from '../lib/html.js';
import { Notice } from './basic.js';
import { sentence } from './progress.js';

/** @param {{ changed: import('../lib/hooks.js').Changed<any> | null }} props */
export function Refused({ changed }) {
  if (!changed) return null;
  const messages = [...changed.userErrors.map(({ message }) => sentence(message)), changed.problem].filter(Boolean);
  // Without a valid token nothing is said here: the page asks for one.
  if (messages.length === 0) return null;
  return html`<${Notice} kind="error">${messages.map((message) => html`<p key=${message}>${message}</p>`)}</${Notice}>`;
}
