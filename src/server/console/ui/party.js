// Who calls or is called.

import { html } from '../lib/html.js';

/** What the carrier sends for a caller who hides the number. */
const HIDDEN = new Set(['anonymous', 'restricted', 'unavailable', 'private', '']);

/** A number, which is not broken into lines, or an address, which may be long. @param {{ value: string }} props */
export function Party({ value }) {
  if (HIDDEN.has(value.toLowerCase())) return html`Hidden number`;
  return html`<bdi class=${value.startsWith('+') ? 'phone' : ''}>${value}</bdi>`;
}
