// The address bar: which view is shown, and with which filters. Views are addresses below /console, so that every state worth
// sharing has a link, and the browser's own back and forward work.

import { signal } from '@preact/signals';

/** @typedef {{ path: string, params: URLSearchParams }} Address path without `/console`, at least `/` */

const BASE = '/console';

/** @returns {Address} */
function read() {
  const path = location.pathname.slice(BASE.length).replace(/\/+$/, '') || '/';
  return { path, params: new URLSearchParams(location.search) };
}

export const address = signal(read());

/** Reasons not to leave the view without asking: forms with something typed. @type {Set<() => boolean>} */
const unsaved = new Set();

/** The full path of a view. @param {string} path */
export const href = (path) => BASE + (path === '/' ? '' : path);

/** Begins to follow links and the browser's back and forward. */
export function start() {
  addEventListener('popstate', () => {
    const next = read();
    if (next.path !== address.value.path && !mayLeave()) {
      // The browser has gone already: go back to where the form is.
      history.pushState(null, '', href(address.value.path) + query(address.value.params));
      return;
    }
    address.value = next;
  });
  addEventListener('beforeunload', (event) => {
    if (isUnsaved()) event.preventDefault();
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
    const to = new URL(link.href, location.href);
    const isView = to.pathname === BASE || to.pathname.startsWith(`${BASE}/`);
    if (to.origin !== location.origin || !isView || to.hash) return;
    event.preventDefault();
    navigate(to.pathname.slice(BASE.length) + to.search);
  });
}

/**
 * Shows another view, unless a form has something typed and the person wants to stay.
 * @param {string} path a path below `/console`, with or without a query
 * @param {{ replace?: boolean }} [options] `replace`: without an entry in the history
 */
export function navigate(path, { replace = false } = {}) {
  const target = href(path || '/');
  const changesView = new URL(target, location.href).pathname !== location.pathname;
  if (changesView && !mayLeave()) return;
  if (replace) history.replaceState(null, '', target);
  else history.pushState(null, '', target);
  address.value = read();
  if (changesView) scrollTo(0, 0);
}

/**
 * Sets filters in the address bar. An empty value removes one.
 * @param {Record<string, string | null | undefined>} changes
 * @param {{ replace?: boolean }} [options]
 */
export function setParams(changes, options = {}) {
  const params = new URLSearchParams(address.value.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value) params.set(name, value);
    else params.delete(name);
  }
  navigate(address.value.path + query(params), options);
}

/**
 * Registers a form that may have something typed. Returns what unregisters it.
 * @param {() => boolean} isDirty
 */
export function guard(isDirty) {
  unsaved.add(isDirty);
  return () => void unsaved.delete(isDirty);
}

/** @param {URLSearchParams} params */
function query(params) {
  const text = params.toString();
  return text ? `?${text}` : '';
}

function isUnsaved() {
  return [...unsaved].some((isDirty) => isDirty());
}

function mayLeave() {
  return !isUnsaved() || confirm('Leave without saving? What you typed will be lost.');
}
