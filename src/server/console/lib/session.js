// The token of this tab, and the tenant for whom an operator acts.
//
// The token is kept in sessionStorage: it survives a reload and ends with the tab. An expired token is not removed: the
// page stays as it is, with everything typed, and asks for a new one.

import { computed, effect, signal } from '@preact/signals';

const TOKEN = 'switchboard.token';
const TENANT = 'switchboard.tenant';
/** setTimeout() takes at most 2^31 - 1 ms; longer waits would end at once. */
const LONGEST_WAIT = 2 ** 31 - 1;
/** Query parameter of the address to which the login page returns when it was opened to renew a token. */
const RENEW = 'renew';

const renewals = new BroadcastChannel('switchboard.token');

/** @typedef {{ message: string }} Refusal why the server or the login page accepts this token no longer, or gave none */

/** @type {import('@preact/signals').Signal<string | null>} */
export const token = signal(null);

/** @type {import('@preact/signals').Signal<Refusal | null>} */
export const refusal = signal(null);

/** User id of the tenant in `X-Tenant-Id`; only an operator's token has an effect with it. @type {import('@preact/signals').Signal<string | null>} */
export const actingFor = signal(null);

/** Changes when other data may be read than before: another person, or another tenant. A renewed token of the same person does not change it. */
export const identity = computed(() => {
  const { sub, role } = claims(token.value);
  return JSON.stringify([token.value === null, sub ?? token.value, role ?? null, actingFor.value]);
});

/** Start: takes the token from the address, or from this tab's storage. */
export function start() {
  token.value = sessionStorage.getItem(TOKEN);
  actingFor.value = sessionStorage.getItem(TENANT);
  takeFromAddress();
  // A link to the console with a token may be opened in a tab that shows the console already: only the fragment changes then.
  addEventListener('hashchange', takeFromAddress);
  effect(() => store(TOKEN, token.value));
  effect(() => store(TENANT, actingFor.value));
  effect(watchExpiry);
  // A tab whose token expired opens the login page in another tab, which hands the new token over here.
  renewals.onmessage = ({ data }) => {
    const isAskedFor = refusal.value !== null && token.value !== null;
    if (isAskedFor && typeof data === 'string' && claims(data).sub === claims(token.value).sub) signIn(data);
  };
}

/** Whether this tab was opened to renew another tab's token, and has done so. */
export const handedOver = signal(false);

/**
 * Uses this token from now on.
 * @param {string} value
 */
export function signIn(value) {
  refusal.value = null;
  token.value = value.trim().replace(/^Bearer\s+/i, '');
}

/** The address to which a login page returns that only renews the token of this tab. */
export function renewalAddress() {
  return `${location.origin}/console?${RENEW}`;
}

/** Forgets the token, and the tenant for whom it acted. */
export function signOut() {
  refusal.value = null;
  actingFor.value = null;
  token.value = null;
}

/**
 * The server refused the token.
 * @param {string} message its reason
 */
export function refuse(message) {
  refusal.value = { message };
}

/**
 * The claims of a JSON Web Token, unchecked: for display and to know when it expires. The server alone decides.
 * @param {string | null} jwt
 * @returns {{ sub?: string, role?: string, exp?: number, email?: string }}
 */
export function claims(jwt) {
  try {
    const payload = (jwt?.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const parsed = JSON.parse(new TextDecoder().decode(bytes));
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    // An agent's token is no JSON Web Token.
    return {};
  }
}

function takeFromAddress() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  // `access_token` and `error_description` are what OAuth's implicit flow, and so Supabase, puts there.
  const found = fragment.get('token') ?? fragment.get('access_token');
  const problem = fragment.get('error_description') ?? fragment.get('error');
  if (found === null && problem === null) return;
  // Out of the address at once, so that it is neither bookmarked nor copied with it.
  history.replaceState(history.state, '', location.pathname + location.search);
  if (found && new URLSearchParams(location.search).has(RENEW)) {
    renewals.postMessage(found);
    handedOver.value = true;
  }
  if (found) signIn(found);
  else if (problem) refuse(problem);
}

/**
 * @param {string} key
 * @param {string | null} value
 */
function store(key, value) {
  if (value === null) sessionStorage.removeItem(key);
  else sessionStorage.setItem(key, value);
}

/** Asks for a new token when this one expires, not only at the next request: a page that only listens makes none. */
function watchExpiry() {
  const { exp } = claims(token.value);
  if (typeof exp !== 'number') return undefined;
  const left = exp * 1000 - Date.now();
  if (left > LONGEST_WAIT) return undefined;
  const timer = setTimeout(() => refuse('The token has expired.'), Math.max(0, left));
  return () => clearTimeout(timer);
}
