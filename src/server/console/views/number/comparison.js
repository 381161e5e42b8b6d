// Two people have changed the same rules: both versions, and which one is to stay.

import { html } from '../../lib/html.js';
import { Button, Notice } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { sentence } from '../../ui/progress.js';
import { draftsOf } from './rules.js';
import { restOf, sentenceOf } from './sentence.js';

/** @param {{ rules: import('./use_rules.js').Rules, theirs: import('./use_rules.js').Saved, taker: string | null }} props */
export function Comparison({ rules, theirs, taker }) {
  const own = rules.errors.map(({ message }) => message);
  return html`<${Dialog} title="Somebody else has changed these rules" wide onClose=${rules.closeComparison}>
    <p>Your changes are not saved. Choose which rules the number is to have, or go on editing yours.</p>
    <div class="columns">
      <${Version} title="Saved by somebody else" drafts=${draftsOf(theirs.routingRules)} taker=${taker} />
      <${Version} title="Yours" drafts=${rules.drafts} taker=${taker} />
    </div>
    ${own.length > 0 && html`<${Notice} kind="error"><p>Yours have errors. Correct them before you save:</p>${own.map((message) => html`<p key=${message}>${sentence(message)}</p>`)}</${Notice}>`}
    <div class="actions end">
      <${Button} onClick=${rules.closeComparison}>Go on editing</${Button}>
      <${Button} kind="danger" onClick=${() => rules.take(theirs)}>Reload, and discard mine</${Button}>
      <${Button} kind="primary" busy=${rules.busy} onClick=${() => void rules.overwrite(theirs)}>Overwrite with mine</${Button}>
    </div>
  </${Dialog}>`;
}

/** @param {{ title: string, drafts: import('./rules.js').Draft[], taker: string | null }} props */
function Version({ title, drafts, taker }) {
  return html`<div><h3>${title}</h3>
    <ol class="version">${drafts.map((draft) => html`<li key=${draft.key}><b><bdi>${draft.name}</bdi></b><br /><bdi>${sentenceOf(draft, taker)}</bdi></li>`)}</ol>
    <p class="muted">${restOf(drafts, taker)}</p></div>`;
}
