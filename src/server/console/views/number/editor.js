// The routing rules as a form: their order, and saving them.

import { useEffect, useRef, useState } from 'preact/hooks';

import { html } from '../../lib/html.js';
import { Button, Notice, Section } from '../../ui/basic.js';
import { sentence } from '../../ui/progress.js';
import { Comparison } from './comparison.js';
import { RuleItem } from './rule.js';
import { MOST_RULES } from './rules.js';
import { restOf } from './sentence.js';

/** @typedef {import('./use_rules.js').Rules} Rules */

/**
 * @param {{ rules: Rules, taker: string | null, matched: string | null, canEdit: boolean }} props `taker`: who answers the calls that no rule sends elsewhere, such as “the agent”; null for a number in the pool.
 *   `matched`: name of the rule that the simulation found; '' for none
 */
export function RulesEditor({ rules, taker, matched, canEdit }) {
  const { drafts, errors, conflicts, removed, isDirty } = rules;
  const [open, setOpen] = useState(/** @type {number[]} */ ([]));
  const [spoken, setSpoken] = useState('');
  const [dragged, setDragged] = useState(/** @type {number | null} */ (null));
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const wanted = useRef(/** @type {string | null} */ (null));
  useEffect(() => {
    const refused = errors.flatMap(({ key }) => (key === null ? [] : [key]));
    if (refused.length === 0) return;
    setOpen((before) => [...new Set([...before, ...refused])]);
  }, [errors]);
  useEffect(() => {
    // Moving an element takes the focus from it, and a new one has none yet.
    if (wanted.current === null) return;
    const found = /** @type {HTMLElement | null | undefined} */ (place.current?.querySelector(wanted.current));
    wanted.current = null;
    found?.focus();
  });

  const edit = (/** @type {{ key: number } | null} */ draft) => {
    if (!draft) return;
    setOpen([...open, draft.key]);
    wanted.current = `[data-rule="${draft.key}"] input`;
  };
  const toggle = (/** @type {number} */ key) => {
    setOpen(open.includes(key) ? open.filter((other) => other !== key) : [...open, key]);
    wanted.current = `[data-rule="${key}"] .rule-toggle`;
  };
  const move = (/** @type {number} */ from, /** @type {number} */ to, /** @type {string} */ control) => {
    const draft = drafts[from];
    if (!draft || to < 0 || to >= drafts.length) return;
    rules.move(from, to);
    wanted.current = `[data-rule="${draft.key}"] ${control}`;
    setSpoken(`${draft.name} is now rule ${to + 1} of ${drafts.length}.`);
  };
  const remove = (/** @type {number} */ index) => {
    setSpoken(`${drafts[index]?.name} is removed.`);
    rules.remove(index);
    wanted.current = '.undo .button';
  };
  const restore = () => {
    setSpoken(`${removed?.draft.name} is back.`);
    wanted.current = `[data-rule="${removed?.draft.key}"] .rule-toggle`;
    rules.restore();
  };
  const general = errors.filter(({ key }) => key === null);

  return html`<${Section} title="Routing rules"><div ref=${place}>
    <p class="hint">Rules decide by time and caller who answers. They are tried from top to bottom, and the first one that fits decides. Changes apply when you save them, from the next call.</p>
    ${
      rules.isOutdated &&
      isDirty &&
      html`<${Notice} kind="warning" action=${html`<${Button} onClick=${rules.compare}>Compare</${Button}>`}>Somebody else has changed these rules since you began. What you typed is kept.</${Notice}>`
    }
    <ol class="rules">${drafts.map(
      (draft, index) =>
        html`<${RuleItem} key=${draft.key} draft=${draft} index=${index} count=${drafts.length} taker=${taker} canEdit=${canEdit}
        errors=${errors.filter(({ key }) => key === draft.key)} conflicts=${conflicts.filter((conflict) => conflict.index === index)}
        isOpen=${open.includes(draft.key)} isMatched=${matched !== null && matched === draft.name} dragged=${dragged}
        onToggle=${() => toggle(draft.key)} onChange=${(/** @type {object} */ changes) => rules.change(draft.key, changes)}
        onMove=${move} onRemove=${() => remove(index)} onDuplicate=${() => edit(rules.duplicate(index))} onDrag=${setDragged} />`,
    )}</ol>
    <p class=${`rest ${matched === '' ? 'matched' : ''}`}><b>${drafts.length === 0 ? 'No rules.' : 'Otherwise:'}</b> ${restOf(drafts, taker)}</p>
    ${
      removed &&
      html`<div class="notice undo"><div>Rule “<bdi>${removed.draft.name}</bdi>” is removed.</div>
      <div class="actions"><${Button} onClick=${restore}>Undo</${Button}></div></div>`
    }
    <p class="hidden" role="status">${spoken}</p>
    ${general.length > 0 && html`<${Notice} kind="error">${general.map(({ message }) => html`<p key=${message}>${sentence(message)}</p>`)}</${Notice}>`}
    ${canEdit && html`<${Bar} rules=${rules} onAdd=${() => edit(rules.add())} />`}
    ${rules.theirs && html`<${Comparison} rules=${rules} taker=${taker} theirs=${rules.theirs} />`}
  </div></${Section}>`;
}

/** @param {{ rules: Rules, onAdd: () => void }} props */
function Bar({ rules, onAdd }) {
  const { drafts, isDirty, busy, conflicts, errors } = rules;
  const isFull = drafts.length >= MOST_RULES;
  const isWrong = conflicts.length > 0 || errors.length > 0;
  return html`<div class="actions save-bar">
    <${Button} disabled=${isFull} onClick=${onAdd}>Add a rule</${Button}>
    ${isFull && html`<span class="muted">A number has at most ${MOST_RULES} rules.</span>`}
    <span class="grow"></span>
    ${isDirty && html`<span class="muted">${isWrong ? 'Correct the marked rules, then save.' : 'Not saved yet.'}</span>`}
    ${isDirty && html`<${Button} disabled=${busy} onClick=${() => confirm('Discard your changes to the rules?') && rules.discard()}>Discard changes</${Button}>`}
    <${Button} kind="primary" busy=${busy} disabled=${!isDirty} onClick=${() => void rules.save()}>Save the rules</${Button}>
  </div>`;
}
