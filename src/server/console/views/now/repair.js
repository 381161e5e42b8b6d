// Repairs a number, and says how it went.

import { useState } from 'preact/hooks';

import { NowRepair, NowRepairing } from '../../generated/first.js';
import { useMutation, useSubscription } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, say } from '../../ui/basic.js';

/** @param {{ id: string, number: string, onDone: () => void }} props */
export function Repair({ id, number, onDone }) {
  const [repair, busy] = useMutation(NowRepair);
  const [operation, follow] = useState(/** @type {string | null} */ (null));
  const [problem, setProblem] = useState('');

  const end = (/** @type {string | undefined} */ status, /** @type {string | undefined} */ error) => {
    follow(null);
    if (status === 'ACTIVE' && !error) say(`The number ${number} is in order.`);
    else
      setProblem(error ?? 'The carrier does not have this number any more. Open it to release it, or ask the carrier.');
    onDone();
  };
  useSubscription(
    NowRepairing,
    { id: operation ?? '' },
    ({ operationUpdated: { state, error, phoneNumber } }) => {
      if (state === 'SUCCEEDED' || state === 'FAILED') end(phoneNumber?.status, error?.message);
    },
    { pause: operation === null },
  );

  const start = async () => {
    setProblem('');
    const { data, ok, userErrors, problem: unanswered } = await repair({ id });
    const payload = data?.repairPhoneNumber;
    const isRunning = payload?.operation?.state === 'RUNNING' || payload?.operation?.state === 'PENDING';
    if (payload?.operation && isRunning) follow(payload.operation.id);
    else if (ok) end(payload?.phoneNumber?.status, undefined);
    else setProblem([...userErrors.map(({ message }) => message), unanswered].filter(Boolean).join(' '));
  };

  const isBusy = busy || operation !== null;
  return html`<${Button} busy=${isBusy} label=${`Repair the number ${number}`} onClick=${start}>${isBusy ? 'Repairing…' : 'Repair'}</${Button}>
    ${problem && html`<p class="field-error" role="alert">${problem}</p>`}`;
}
