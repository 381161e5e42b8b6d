// What the server tells this page: where its API is, and what it is part of.

const root = /** @type {HTMLElement} */ (document.getElementById('console'));

/**
 * @param {string} name
 * @returns {string | null}
 */
function attribute(name) {
  return root.dataset[name] || null;
}

const socket = new URL(attribute('socket') ?? '/graphql/ws', location.href);
socket.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

export const page = {
  root,
  endpoint: attribute('endpoint') ?? '/graphql',
  socket: socket.href,
  /** Where people without a valid token are sent. `{return_url}` in it stands for the address to come back to. */
  loginUrl: attribute('loginUrl'),
  /** Path that places a test call; only a development server has one. */
  sandbox: attribute('sandbox'),
  version: attribute('version') ?? '',
};

/**
 * The login page's address. Null if none is configured.
 * @param {string} [returnTo] the address to come back to; the present one unless given
 */
export function loginAddress(returnTo = location.href.split('#')[0]) {
  return page.loginUrl?.replaceAll('{return_url}', encodeURIComponent(returnTo ?? '')) ?? null;
}
