// The pages about numbers, as a row of links below the heading.

import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';

/** @type {[string, string][]} */
const PAGES = [
  ['/numbers', 'Numbers'],
  ['/numbers/groups', 'Call groups'],
  ['/numbers/kept', 'Kept numbers'],
  ['/numbers/accounts', 'Carrier accounts'],
];

/** @param {{ canChange: boolean }} props an agent’s token sees numbers only */
export function Tabs({ canChange }) {
  if (!canChange) return null;
  const { path } = router.address.value;
  return html`<nav class="tabs" aria-label="Pages about numbers"><ul>${PAGES.map(
    ([to, label]) =>
      html`<li key=${to}><a href=${router.href(to)} aria-current=${to === path ? 'page' : undefined}>${label}</a></li>`,
  )}</ul></nav>`;
}

/** What these pages say to an agent’s token. */
export const NOT_FOR_AGENTS = 'An agent’s token cannot see this page.';
