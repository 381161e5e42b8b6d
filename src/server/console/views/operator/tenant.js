// A tenant wherever an operator meets one: its id, and acting for it.

import { useState } from 'preact/hooks';

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

/** A button that begins to act for a tenant, after saying what that means. @param {{ userId: string }} props */
export function ActFor({ userId }) {
  const [asks, setAsks] = useState(false);
  const begin = () => {
    session.actingFor.value = userId;
    router.navigate('/');
  };
  if (session.actingFor.value === userId) {
    return html`<${Button} label=${`Go to its pages: tenant ${short(userId)}`} onClick=${() => router.navigate('/')}>Go to its pages</${Button}>`;
  }
  return html`<${Button} label=${`Act for tenant ${short(userId)}`} onClick=${() => setAsks(true)}>Act for</${Button}>
    ${
      asks &&
      html`<${Confirm} title="Act for this tenant?" action="Act for it" onConfirm=${begin} onClose=${() => setAsks(false)}>
      <p>Tenant <code>${userId}</code></p>
      <p>You will see what the tenant sees, and can change and buy what it can, at its cost. Every request is recorded in the tenant’s trail, with your id,
        until you choose “Stop” at the top of the page.</p>
    </${Confirm}>`
    }`;
}
