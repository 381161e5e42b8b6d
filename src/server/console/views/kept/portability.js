// Whether a number can be ported, as the carrier says now.

import { useState } from 'preact/hooks';

import { KeptPortability } from '../../generated/operations.js';
import { readOnce } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Loading, Notice, Problem } from '../../ui/basic.js';
import { sentence } from '../../ui/progress.js';

/** @typedef {import('../../generated/types').KeptPortabilityQuery['portability']} Portability */

/** What the carrier says. @param {{ answer: Portability }} props */
export function Verdict({ answer: { number, portable, reason, pinRequired } }) {
  if (!portable)
    return html`<${Notice} kind="warning"><p>${number} cannot be ported.${reason && html` ${sentence(reason)}`}</p></${Notice}>`;
  return html`<${Notice} kind="success"><p>${number} can be ported.${pinRequired && ' Its carrier requires the PIN and the account number of the line: have them at hand.'}</p></${Notice}>`;
}

/** The answer for a number that is kept. @param {{ read: import('../../lib/hooks.js').Read<{ portability: Portability }> }} props */
export function Portable({ read }) {
  return html`<${Problem} read=${read} />
    ${!read.data && read.loading && html`<${Loading} label="Asking the carrier whether it can be ported…" />`}
    ${read.data && html`<${Verdict} answer=${read.data.portability} />`}`;
}

/** A button that asks for any number. @param {{ number: string }} props */
export function CheckPortability({ number }) {
  const [state, setState] = useState(
    /** @type {{ of: string, answer?: Portability, problem?: string, busy?: boolean }} */ ({ of: '' }),
  );
  const check = async () => {
    if (state.busy) return;
    if (number === '') return setState({ of: number, problem: 'Type the number first.' });
    setState({ of: number, busy: true });
    return setState(
      await readOnce(KeptPortability, { number }).then(
        ({ portability }) => ({ of: number, answer: portability }),
        (/** @type {Error} */ error) => ({ of: number, problem: sentence(error.message) }),
      ),
    );
  };
  // An answer about another number than the one in the field misleads.
  const isShown = state.of === number && !state.busy;
  return html`<div>
    <p><${Button} busy=${state.busy} onClick=${() => void check()}>Can it be ported?</${Button}></p>
    <div role="status">
      ${isShown && state.answer && html`<${Verdict} answer=${state.answer} />`}
      ${isShown && state.problem && html`<${Notice} kind="error">${state.problem}</${Notice}>`}
    </div>
  </div>`;
}
