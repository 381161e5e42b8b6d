// One routing rule: what it does in words, its place in the order, and its form.

import { html } from '../../lib/html.js';
import { Badge, Button, Notice } from '../../ui/basic.js';
import { sentence } from '../../ui/progress.js';
import { RuleFields } from './fields.js';
import { sentenceOf } from './sentence.js';

/**
 * @typedef {{
 *   draft: import('./rules.js').Draft, index: number, count: number, taker: string | null, canEdit: boolean, isOpen: boolean, isMatched: boolean, dragged: number | null,
 *   errors: import('./use_rules.js').RuleError[], conflicts: import('./conflicts.js').Conflict[],
 *   onToggle: () => void, onChange: (changes: Partial<import('./rules.js').Draft>) => void, onRemove: () => void, onDuplicate: () => void,
 *   onMove: (from: number, to: number, control: string) => void, onDrag: (index: number | null) => void,
 * }} RuleProps `dragged`: index of the rule being dragged; `onMove`: `control` selects what gets the focus then
 */

/** @param {RuleProps} props */
export function RuleItem(props) {
  const { draft, index, taker, isOpen, isMatched, canEdit, errors, conflicts, dragged, onChange, onMove, onDrag } =
    props;
  const title = draft.name.trim() || 'Rule without a name';
  const general = errors.filter(({ path }) => path.length === 0).map(({ message }) => sentence(message));
  // The page's own check says the same as the API.
  const found = conflicts.filter(({ field }) => !field).map(({ message }) => message);
  const shown = found.length > 0 ? found : general;
  const isTarget = dragged !== null && dragged !== index;
  const classes = [
    'rule',
    isMatched && 'matched',
    conflicts.length + errors.length > 0 && 'wrong',
    dragged === index && 'dragged',
    isTarget && 'target',
  ];
  return html`<li class=${classes.filter(Boolean).join(' ')} data-rule=${draft.key}
    onDragOver=${(/** @type {DragEvent} */ event) => isTarget && event.preventDefault()}
    onDrop=${(/** @type {DragEvent} */ event) => {
      if (dragged === null) return;
      event.preventDefault();
      onMove(dragged, index, '.rule-toggle');
      onDrag(null);
    }}>
    <div class="rule-head">
      ${canEdit && html`<${Grip} title=${title} index=${index} onDrag=${onDrag} />`}
      <div class="rule-words">
        <h3>${index + 1}. <bdi>${title}</bdi> ${isMatched && html`<${Badge} tone="good">Decides</${Badge}>`} ${found.length > 0 && html`<${Badge} tone="bad">Never applies</${Badge}>`}</h3>
        <p><bdi>${sentenceOf(draft, taker)}</bdi></p>
      </div>
      ${canEdit && html`<${Tools} ...${props} title=${title} />`}
    </div>
    ${shown.length > 0 && html`<${Notice} kind="error">${shown.map((message) => html`<p key=${message}>${message}</p>`)}</${Notice}>`}
    ${isOpen && canEdit && html`<${RuleFields} draft=${draft} errors=${errors} conflicts=${conflicts} onChange=${onChange} />`}
  </li>`;
}

/** @param {{ title: string, index: number, onDrag: RuleProps['onDrag'] }} props */
function Grip({ title, index, onDrag }) {
  return html`<span class="grip" draggable="true" aria-hidden="true" title="Drag to another place"
    onDragStart=${(/** @type {DragEvent} */ event) => {
      event.dataTransfer?.setData('text/plain', title);
      // Not at once: a browser ends the dragging if the element changes while it begins.
      setTimeout(() => onDrag(index));
    }} onDragEnd=${() => onDrag(null)}>⠿</span>`;
}

/** @param {RuleProps & { title: string }} props */
function Tools({ index, count, isOpen, title, onToggle, onMove, onRemove, onDuplicate }) {
  // At an end the button that was pressed is disabled: its counterpart gets the focus.
  const up = () => onMove(index, index - 1, index - 1 === 0 ? '.rule-down' : '.rule-up');
  const down = () => onMove(index, index + 1, index + 1 === count - 1 ? '.rule-up' : '.rule-down');
  return html`<div class="actions rule-tools">
    <${Button} kind="quiet" class="rule-up" disabled=${index === 0} label=${`Up: ${title}`} onClick=${up}>↑ Up</${Button}>
    <${Button} kind="quiet" class="rule-down" disabled=${index === count - 1} label=${`Down: ${title}`} onClick=${down}>↓ Down</${Button}>
    <${Button} kind="quiet" class="rule-toggle" label=${`${isOpen ? 'Close' : 'Edit'}: ${title}`} onClick=${onToggle}>${isOpen ? 'Close' : 'Edit'}</${Button}>
    <${Button} kind="quiet" label=${`Duplicate: ${title}`} onClick=${onDuplicate}>Duplicate</${Button}>
    <${Button} kind="quiet" label=${`Remove: ${title}`} onClick=${onRemove}>Remove</${Button}>
  </div>`;
}
