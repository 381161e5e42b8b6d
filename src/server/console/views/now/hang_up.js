// Ends a test call.

import { useState } from 'preact/hooks';

import { html } from '../../lib/html.js';
import { Button, say } from '../../ui/basic.js';
import { ask } from './sandbox.js';

/** @param {{ sid: string, from: string }} props */
export function HangUp({ sid, from }) {
  const [busy, setBusy] = useState(false);
  const hangUp = async (/** @type {Event} */ event) => {
    const row = event.currentTarget instanceof Element ? event.currentTarget.closest('tr') : null;
    const isByKey = /** @type {MouseEvent} */ (event).detail === 0;
    setBusy(true);
    const problem = await ask(`/${encodeURIComponent(sid)}/hangup`);
    setBusy(false);
    if (problem) say(problem, 'error');
    // The button is gone with the call: the keyboard goes on in the same row.
    else if (isByKey) row?.querySelector('a')?.focus();
  };
  return html`<${Button} kind="quiet" busy=${busy} label=${`Hang up the call from ${from}`} onClick=${hangUp}>Hang up</${Button}>`;
}
