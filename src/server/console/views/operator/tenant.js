// A tenant wherever an operator meets one: its id, and acting for it.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import * as session from '../../lib/session.js';
import { Button, Copy } from '../../ui/basic.js';
import { Confirm } from '../../ui/dialog.js';

/** The start of an id, to tell tenants apart at a glance. @param {string} userId */
export const short = (userId) => userId.slice(0, 8);

/** @param {{ userId: string, linked?: boolean }} props `linked`: to the tenant in the list */
export function TenantId({ userId, linked = false }) {
  const address = `${router.href('/operator')}?user=${userId}`;
  const id = html`<code title=${userId}>${short(userId)}</code>`;
  return html`<span class="nowrap">${linked ? html`<a href=${address}>${id}</a>` : id}<${Copy} text=${userId} label="Copy id" /></span>`;
}

/** The tenant that the operator is asked about. Not a state of its row, which goes when another list is shown. */
const asked = signal(/** @type {string | null} */ (null));

/** A button that begins to act for a tenant, after saying what that means. @param {{ userId: string }} props */
export function ActFor({ userId }) {
  if (session.actingFor.value === userId) {
    return html`<${Button} label=${`Go to its pages: tenant ${short(userId)}`} onClick=${() => router.navigate('/')}>Go to its pages</${Button}>`;
  }
  return html`<${Button} label=${`Act for tenant ${short(userId)}`} onClick=${() => {
    asked.value = userId;
  }}>Act for</${Button}>`;
}

/** The question of `ActFor`: once in a page with such buttons. */
export function ActForQuestion() {
  const userId = asked.value;
  const close = () => {
    asked.value = null;
  };
  useEffect(() => close, []);
  const begin = () => {
    session.actingFor.value = userId;
    router.navigate('/');
  };
  if (userId === null) return null;
  return html`<${Confirm} title="Act for this tenant?" action="Act for it" onConfirm=${begin} onClose=${close}>
      <p>Tenant <code>${userId}</code></p>
      <p>You will see what the tenant sees, and can change and buy what it can, at its cost. Every request is recorded in the tenant’s trail, with your id,
        until you choose “Stop” at the top of the page.</p>
    </${Confirm}>`;
}
