// A number whose calls or texts go to another system: what is set on it, and whether to replace that.

import { useEffect, useRef } from 'preact/hooks';

import { html } from '../../lib/html.js';
import { Button } from '../../ui/basic.js';

/** The refusal of such a number, with its settings; what follows them is for programs. */
const IN_USE = /^\S+ is in use: (.+?)(?:; set replaceSettings .*)?$/s;

/** The settings that a refusal names, or null if it is another refusal. @param {string} message */
export const settingsIn = (message) => IN_USE.exec(message)?.[1] ?? null;

/** @param {{ number: string, settings: string, busy: boolean, onReplace: () => void, onLeave: () => void }} props */
export function InUse({ number, settings, busy, onReplace, onLeave }) {
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  // The button that was pressed is gone.
  useEffect(() => place.current?.focus(), []);
  return html`<div class="outcome" ref=${place} tabindex="-1" role="group" aria-label="The number is in use">
    <div class="notice warning"><div>
      <p><b>${number} is in use by another system.</b> Nothing was changed. Set on it at the carrier:</p>
      <p><bdi>${settings}</bdi></p>
      <p>If you replace this, its calls and texts come here from then on. The settings are kept, and “Give back” on the number’s page puts them back.</p>
    </div></div>
    <div class="actions end">
      <${Button} onClick=${onLeave} disabled=${busy}>Leave it as it is</${Button}>
      <${Button} kind="danger" busy=${busy} onClick=${onReplace}>Replace the settings and import</${Button}>
    </div>
  </div>`;
}
