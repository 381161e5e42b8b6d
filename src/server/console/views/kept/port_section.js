// Whether a kept number can be ported, and the way to request it.

import { KeptPortability } from '../../generated/operations.js';
import { useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Section } from '../../ui/basic.js';
import { Portable } from './portability.js';
import { mayPort } from './words.js';

/** What is to be done while a port is under way. @type {Record<string, string>} */
const MEANWHILE = {
  PORT_REQUESTED: 'The carrier checks the request.',
  WAITING_FOR_SIGNATURE:
    'The authorized representative has a letter of authorization by e-mail, and signs it. The port goes on afterwards.',
  PORT_IN_PROGRESS: 'The present carrier compares the request with what it knows of its customer.',
  PORT_DATE_SET: 'On the port date the number is connected here by itself. Until then it works at its present carrier.',
  CUT_OVER: 'The number has arrived and is being connected.',
};

/** @param {{ kept: import('./number.js').KeptNumber, onPort: () => void }} props */
export function PortSection({ kept, onPort }) {
  const { state, number } = kept;
  const may = mayPort(kept);
  // Of a number whose port was rejected the carrier says that a port is under way: the next request ends that one first.
  const isAsked = may && state !== 'REJECTED';
  const read = useQuery(KeptPortability, { number }, { pause: !isAsked });
  if (may) {
    const isAgain = state === 'REJECTED' || state === 'EXPIRED' || state === 'CANCELED';
    const portable = read.data?.portability.portable;
    const request =
      portable !== false &&
      html`<${Button} kind="primary" onClick=${onPort}>${isAgain ? 'Request the port again…' : 'Request the port…'}</${Button}>`;
    return html`<${Section} title="Port the number" actions=${request}>
      <p>With a port the number itself moves here, so that nothing has to be forwarded. It takes days to weeks. Until then the number works at its present carrier: do not cancel it there before.</p>
      ${isAsked && html`<${Portable} read=${read} />`}
    </${Section}>`;
  }
  const words = MEANWHILE[state];
  if (!words) return null;
  return html`<${Section} title="The port"><p>${words}</p>
    <p class="hint">Do not cancel the number at its present carrier before it is ported. This page follows the port by itself.</p></${Section}>`;
}
