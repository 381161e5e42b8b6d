// Buys a number for an agent that was created without one.

import { useRef, useState } from 'preact/hooks';

import { NewAgentBuy } from '../../generated/operations.js';
import { useForm, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { newKey } from '../../lib/key.js';
import * as router from '../../lib/router.js';
import { Button, Notice, Section } from '../../ui/basic.js';
import { FormErrors } from '../../ui/form.js';
import { Progress, useStarted } from '../../ui/progress.js';
import { areaCodeOf, buyLabel, NUMBER_FIELDS, NUMBER_VALUES, NumberChoice, useOnSale } from './number_choice.js';

/** @param {{ agentId: string, suggested: string[] }} props `suggested`: area codes that have numbers on sale */
export function BuyAnother({ agentId, suggested }) {
  const form = useForm(NUMBER_VALUES);
  const key = useRef(newKey());
  const [buy, busy] = useMutation(NewAgentBuy);
  const [operationId, setOperationId] = useState(/** @type {string | null} */ (null));
  const [bought, setBought] = useState(false);
  const started = useStarted({ kind: 'PROVISION_NUMBER', agentId }, busy);
  const onSale = useOnSale(form.values, !bought);
  const shown = busy ? started : operationId;

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    setOperationId(null);
    const { country, ifUnavailable } = form.values;
    const input = { agentId, country, areaCode: areaCodeOf(form.values), ifUnavailable, idempotencyKey: key.current };
    const changed = await buy({ input: /** @type {any} */ (input) });
    form.settle(changed);
    const operation = changed.data?.provisionPhoneNumber?.operation;
    if (!operation) return;
    key.current = newKey();
    setOperationId(operation.id);
  };

  if (bought) {
    const to = router.href(`/agents/${encodeURIComponent(agentId)}`);
    return html`<${Notice} kind="success" action=${html`<a class="button" href=${to}>Open the agent</a>`}>The number is bought. The agent answers calls to it.</${Notice}>`;
  }
  return html`<${Section} title="Buy a number for it" id="buy">
    <form onSubmit=${submit} novalidate>
      ${
        suggested.length > 0 &&
        html`<div class="actions"><span>Area codes with numbers on sale:</span>
        ${suggested.map((code) => html`<${Button} key=${code} label=${`Use area code ${code}`} onClick=${() => form.set('areaCode', code)}>${code}</${Button}>`)}</div>`
      }
      <${NumberChoice} form=${form} onSale=${onSale} />
      <${FormErrors} form=${form} fields=${NUMBER_FIELDS} />
      ${
        shown &&
        html`<${Progress} key=${shown} operationId=${shown} onDone=${(/** @type {{ state: string }} */ { state }) => {
          if (state !== 'SUCCEEDED' || busy) return;
          form.reset(form.values);
          setBought(true);
        }} />`
      }
      <div class="actions"><${Button} kind="primary" type="submit" busy=${busy}>${buyLabel('Buy a number', onSale.price)}</${Button}>
        <a href=${router.href(`/numbers?buy=1&agent=${encodeURIComponent(agentId)}`)}>Choose an exact number</a></div>
    </form>
  </${Section}>`;
}
