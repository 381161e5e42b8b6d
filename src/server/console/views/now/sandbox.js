// The sandbox of a development server, which emulates the carrier: it places test calls.

import { page } from '../../lib/page.js';

/**
 * A request of the sandbox's control API. Returns what went wrong, or null.
 * @param {string} path below the path that places calls
 * @param {object} [order]
 * @returns {Promise<string | null>}
 */
export async function ask(path, order) {
  try {
    const response = await fetch(`${page.sandbox}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order ?? {}),
    });
    if (response.ok) return null;
    const { error } = await response.json().catch(() => ({ error: '' }));
    return `The sandbox refused: ${error || `status ${response.status}`}`;
  } catch {
    return 'The sandbox could not be reached. Check that “switchboard dev” is running, then try again.';
  }
}
