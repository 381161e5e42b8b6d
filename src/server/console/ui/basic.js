// Small pieces that every view uses.

import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

import { html } from '../lib/html.js';

/** @typedef {import('preact').ComponentChildren} Children */

/**
 * @param {{
 *   children: Children, onClick?: (event: Event) => void, kind?: 'plain' | 'primary' | 'danger' | 'quiet', type?: 'button' | 'submit',
 *   busy?: boolean, disabled?: boolean, label?: string, class?: string,
 * }} props `busy`: the button's work is under way; it stays focusable and does nothing. `label`: what a screen reader says in place of the content.
 */
export function Button({
  children,
  onClick,
  kind = 'plain',
  type = 'button',
  busy = false,
  disabled = false,
  label,
  ...rest
}) {
  return html`<button
    type=${type} class=${`button ${kind} ${rest.class ?? ''}`} disabled=${disabled} aria-disabled=${busy ? 'true' : undefined}
    aria-label=${label} onClick=${(/** @type {Event} */ event) => {
      // A disabled button loses the focus; a busy one must not.
      if (busy) event.preventDefault();
      else onClick?.(event);
    }}>
    ${busy && html`<span class="spinner" aria-hidden="true"></span>`}${children}
  </button>`;
}

/**
 * A message that belongs to this place. Errors and warnings are read out when they appear.
 * @param {{ children: Children, kind?: 'info' | 'success' | 'warning' | 'error', action?: Children }} props
 */
export function Notice({ children, kind = 'info', action }) {
  const role = kind === 'error' || kind === 'warning' ? 'alert' : 'status';
  return html`<div class=${`notice ${kind}`} role=${role}><div>${children}</div>${action && html`<div class="actions">${action}</div>`}</div>`;
}

/**
 * The state of something, by colour and in words.
 * @param {{ children: Children, tone?: 'good' | 'bad' | 'warn' | 'busy' | 'neutral' }} props
 */
export function Badge({ children, tone = 'neutral' }) {
  return html`<span class=${`badge ${tone}`}>${children}</span>`;
}

/** @param {{ label?: string }} props */
export function Loading({ label = 'Loading…' }) {
  return html`<p class="loading" role="status"><span class="spinner" aria-hidden="true"></span>${label}</p>`;
}

/** What a list says that has nothing to show. @param {{ children: Children, action?: Children }} props */
export function Empty({ children, action }) {
  return html`<div class="empty"><p>${children}</p>${action}</div>`;
}

/**
 * A reading's problem, with a button that reads again.
 * @param {{ read: { problem: string | null, refetch: () => void } }} props
 */
export function Problem({ read }) {
  if (!read.problem) return null;
  return html`<${Notice} kind="error" action=${html`<${Button} onClick=${read.refetch}>Try again</${Button}>`}>${read.problem}</${Notice}>`;
}

/**
 * Copies a text to the clipboard, and says so.
 * @param {{ text: string, label?: string }} props
 */
export function Copy({ text, label = 'Copy' }) {
  const [state, setState] = useState(/** @type {'ready' | 'copied' | 'failed'} */ ('ready'));
  useEffect(() => {
    if (state === 'ready') return undefined;
    const timer = setTimeout(() => setState('ready'), 3000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setState('copied'),
      // Without the right to use the clipboard, or over plain HTTP on another host than this machine.
      () => setState('failed'),
    );
  const said = { ready: label, copied: 'Copied', failed: 'Copy it by hand' }[state];
  return html`<${Button} kind="quiet" onClick=${copy}>${said}<//><span class="hidden" role="status">${state === 'copied' ? 'Copied' : ''}</span>`;
}

/**
 * Name and value pairs.
 * @param {{ items: ([string, Children] | false | null | undefined)[] }} props
 */
export function Facts({ items }) {
  const shown = items.filter((item) => Array.isArray(item));
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/**
 * A part of a view with a heading of its own.
 * @param {{ title: string, children: Children, actions?: Children, id?: string }} props `id`: unique in the view; the title's by default
 */
export function Section({ title, children, actions, id = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-') }) {
  return html`<section class="card" aria-labelledby=${`s-${id}`}>
    <div class="section-head"><h2 id=${`s-${id}`}>${title}</h2>${actions && html`<div class="actions">${actions}</div>`}</div>
    ${children}
  </section>`;
}

/**
 * The head of a view.
 * @param {{ title: Children, heading: import('preact').RefObject<HTMLHeadingElement | null>, children?: Children, back?: { href: string, label: string } }} props
 */
export function ViewHead({ title, heading, children, back }) {
  return html`<div class="view-head">
    <div>
      ${back && html`<a class="back" href=${back.href}>← ${back.label}</a>`}
      <h1 ref=${heading} tabindex="-1"><bdi>${title}</bdi></h1>
    </div>
    ${children && html`<div class="actions">${children}</div>`}
  </div>`;
}

/** @typedef {{ id: number, text: string, kind: 'success' | 'error' | 'info' }} Toast */

/** @type {import('@preact/signals').Signal<Toast[]>} */
const toasts = signal([]);
let nextToast = 1;

/**
 * Says something that no place of the view says, such as that a change was saved.
 * @param {string} text
 * @param {Toast['kind']} [kind]
 */
export function say(text, kind = 'success') {
  const id = nextToast++;
  toasts.value = [...toasts.value.slice(-3), { id, text, kind }];
  setTimeout(() => (toasts.value = toasts.value.filter((toast) => toast.id !== id)), 8000);
}

/** Where `say` speaks: a live region that is there before anything is said, else screen readers miss the first. */
export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(({ id, text, kind }) => html`<div key=${id} class=${`toast ${kind}`}>${text}</div>`)}
  </div>`;
}
