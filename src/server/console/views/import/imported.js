// The import of a number, step by step, and what came of it.

import { useState } from 'preact/hooks';

import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Button, Notice } from '../../ui/basic.js';
import { Progress } from '../../ui/progress.js';
import { settingsIn } from './in_use.js';

/** @typedef {import('../../ui/progress.js').Operation} Operation */

/**
 * @param {{ operationId: string, onAgain: (settings: string | null) => void, onMore: () => void }} props `onAgain`: back to the
 *   form, with the settings that were found in the way
 */
export function Imported({ operationId, onAgain, onMore }) {
  const [ended, setEnded] = useState(/** @type {Operation | null} */ (null));
  const done = (/** @type {Operation} */ operation) => {
    setEnded(operation);
    // Somebody has set the number meanwhile, or the carrier was asked only now.
    const found = operation.error && settingsIn(operation.error.message);
    if (operation.state === 'FAILED' && found) onAgain(found);
  };
  const number = ended?.state === 'SUCCEEDED' ? ended.phoneNumber : null;
  return html`
    <${Progress} operationId=${operationId} onDone=${done} />
    ${number && html`<${Notice} kind="success">${number.number} is imported, and its calls are answered here from now on.</${Notice}>`}
    ${!ended && html`<p class="hint">You can leave this page: the import continues.</p>`}
    <div class="actions end">
      ${ended?.state === 'FAILED' && html`<${Button} onClick=${() => onAgain(null)}>Back to the form</${Button}>`}
      ${
        number &&
        html`<${Button} onClick=${onMore}>Import another number</${Button}>
        <a class="button primary" href=${router.href(`/numbers/${number.id}`)}>Open the number</a>`
      }
    </div>`;
}
