// A call group as a form: its name, how calls are shared out, and its agents in their order.

import { useEffect, useRef, useState } from 'preact/hooks';

import { CallGroupCreate, CallGroupUpdate } from '../../generated/operations.js';
import { useForm, useKeptFocus, useMutation } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Button, Notice, Problem } from '../../ui/basic.js';
import { FormErrors, Select, TextField, fault, unsent } from '../../ui/form.js';
import { inSentences } from '../../ui/progress.js';
import { AgentSearch, useAgents } from '../numbers/use_agents.js';
import { empty, faultsOf, inputOf, membersOf, named, newestOf, stepOf } from './draft.js';
import { MemberRow } from './member.js';
import { LONGEST_NAME, MOST_MEMBERS, NO_ROOM, STRATEGIES, STRATEGY_WORDS } from './words.js';

/** @typedef {import('./draft.js').Draft} Draft */
/** @typedef {import('./draft.js').MemberDraft} MemberDraft */
/** @typedef {import('../../generated/types').CallGroupFieldsFragment} Group */

/** Milliseconds after which a refused request is not repeated by itself: the person may no longer expect it. */
const STILL_WANTED = 10_000;
const NOT_SAVED = 'Somebody else saved this group meanwhile, so that your changes are not saved yet. Save them again.';

/**
 * @param {{ group: Group | null, onSaved: (group: Group) => void, onOutdated?: () => void }} props `group`: null for a new one.
 *   `onOutdated`: read the group again, somebody else has changed it
 */
export function GroupForm({ group, onSaved, onOutdated }) {
  const form = useForm(/** @type {Draft} */ (group ? membersOf(group) : empty()));
  const [create, isCreating] = useMutation(CallGroupCreate);
  const [update, isUpdating] = useMutation(CallGroupUpdate);
  const agents = useAgents('');
  const { members, strategy } = /** @type {Draft} */ (form.values);
  const busy = isCreating || isUpdating;
  const { base, newest, step, take, rebase } = useVersions(form, group);
  // The values that were refused because the group has a newer version, and when.
  const refused = useRef(/** @type {{ values: Draft, at: number } | null} */ (null));
  useEffect(() => {
    if (!newest || !step || busy) return;
    const earlier = refused.current;
    const isRefused = earlier !== null && earlier.values === form.values && Date.now() - earlier.at < STILL_WANTED;
    refused.current = null;
    if (step === 'take') {
      take(newest);
      // Somebody else has saved the same content.
      if (isRefused) onSaved(newest);
    }
    if (step === 'rebase') {
      rebase(newest);
      // The newer version has the content that the person changed: the request still holds.
      if (isRefused) void send(newest);
      else if (earlier) form.settle(unsent(fault(null, NOT_SAVED)));
    }
  }, [newest, step, busy]);
  useKeptFocus();

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    const faults = faultsOf(form.values);
    if (faults.length > 0) {
      form.settle(unsent(...faults));
      return;
    }
    await send(base);
  };

  /** @param {Group | null} over the version that is changed; null to create a group */
  const send = async (over) => {
    const input = inputOf(form.values);
    const result = over
      ? await update({ input: { id: over.id, expectedVersion: over.version, ...input } })
      : await create({ input });
    const others = result.userErrors.filter(({ field }) => field?.at(-1) !== 'expectedVersion');
    // Said once the newer group is here, with what can be done.
    if (others.length < result.userErrors.length) {
      refused.current = { values: form.values, at: Date.now() };
      onOutdated?.();
    }
    const told = others.map((error) => ({ ...error, message: named(error.message, members) }));
    form.settle(inSentences({ ...result, userErrors: told }));
    const payload =
      result.data && ('updateCallGroup' in result.data ? result.data.updateCallGroup : result.data.createCallGroup);
    if (!result.ok || !payload?.callGroup) return;
    take(payload.callGroup);
    onSaved(payload.callGroup);
  };

  const others = agents.known.filter(({ status }) => status !== 'DELETED');
  if (agents.read.data && others.length === 0 && agents.search === '' && !group) {
    const make = html`<a class="button" href=${router.href('/agents/new')}>Create an agent</a>`;
    return html`<${Notice} kind="warning" action=${make}>You have no agents. A call group needs at least one.</${Notice}>`;
  }
  return html`<form onSubmit=${submit} novalidate>
    <div class="form-grid">
      <${TextField} form=${form} name="name" label="Name" required maxlength=${LONGEST_NAME} hint="Your own name for the group, such as “Front desk”. Callers do not hear it." />
      <${Select} form=${form} name="strategy" label="Calls go" required options=${Object.entries(STRATEGIES)} hint=${STRATEGY_WORDS[strategy]} />
    </div>
    <${Problem} read=${agents.read} />
    <${AgentSearch} agents=${agents} />
    <${Members} form=${form} agents=${others} />
    <p class="hint">${NO_ROOM}</p>
    <${FormErrors} form=${form} fields=${['name', 'strategy', ...members.flatMap(({ key }) => [`agent-${key}`, `weight-${key}`, `most-${key}`])]} />
    ${newest && step === 'ask' && html`<${Outdated} onTake=${() => take(newest)} onKeep=${() => rebase(newest)} />`}
    <div class="actions end">
      ${base && form.isDirty && html`<${Button} onClick=${() => take(newest ?? base)}>Discard the changes</${Button}>`}
      <${Button} type="submit" kind="primary" busy=${busy} disabled=${base !== null && !form.isDirty && !busy}>${group ? 'Save the call group' : 'Create the call group'}</${Button}>
    </div>
  </form>`;
}

/**
 * `base`: the version that the edits apply to. `newest`: the newest version that is known. `step`: what to do with it.
 * @param {{ values: any, isDirty: boolean, reset: (next: any) => void, rebase: (next: any) => void }} form
 * @param {Group | null} group as it was read last
 */
function useVersions(form, group) {
  const [base, setBase] = useState(group);
  const newest = newestOf(base, group);
  return {
    base,
    newest,
    step: stepOf({ values: form.values, isDirty: form.isDirty, base, newest }),
    /** Shows this version, and drops the edits. @param {Group} next */
    take: (next) => {
      setBase(next);
      form.reset(membersOf(next));
    },
    /** Keeps the edits, to save them over this version. @param {Group} next */
    rebase: (next) => {
      setBase(next);
      form.rebase(membersOf(next));
    },
  };
}

/** @param {{ onTake: () => void, onKeep: () => void }} props */
function Outdated({ onTake, onKeep }) {
  const choices = html`<${Button} onClick=${onTake}>Take the other version</${Button}>
    <${Button} onClick=${onKeep}>Keep mine</${Button}>`;
  return html`<${Notice} kind="warning" action=${choices}>Somebody else has changed this group since you began. What you typed is kept. “Keep mine” lets you save it over the other version.</${Notice}>`;
}

/** @param {{ form: any, agents: { id: string, name: string }[] }} props */
function Members({ form, agents }) {
  const { members, strategy } = /** @type {Draft} */ (form.values);
  const place = useRef(/** @type {HTMLFieldSetElement | null} */ (null));
  const wanted = useRef(/** @type {string | null} */ (null));
  const [spoken, setSpoken] = useState('');
  useEffect(() => {
    // Moving an element takes the focus from it, a new one has none yet, and the button of one that is gone had it.
    if (wanted.current === null) return;
    const found = /** @type {HTMLElement | null | undefined} */ (place.current?.querySelector(wanted.current));
    wanted.current = null;
    found?.focus();
  });

  const set = (/** @type {MemberDraft[]} */ next) => form.set('members', next);
  const change = (/** @type {number} */ key, /** @type {Partial<MemberDraft>} */ changes) =>
    set(members.map((member) => (member.key === key ? { ...member, ...changes } : member)));
  const move = (/** @type {number} */ from, /** @type {number} */ to) => {
    const next = [...members];
    const [moved] = next.splice(from, 1);
    if (!moved) return;
    next.splice(to, 0, moved);
    set(next);
    wanted.current = `[data-member="${moved.key}"] select`;
    setSpoken(`${moved.name || 'The agent'} is now number ${to + 1} of ${next.length}.`);
  };
  const add = () => {
    const key = Math.max(0, ...members.map((member) => member.key)) + 1;
    set([...members, { key, agentId: '', name: '', weight: '1', maxCalls: '' }]);
    wanted.current = `[data-member="${key}"] select`;
  };
  const remove = (/** @type {MemberDraft} */ gone) => {
    set(members.filter(({ key }) => key !== gone.key));
    wanted.current = '.add';
    setSpoken(`${gone.name || 'The agent'} is removed.`);
  };
  return html`<fieldset ref=${place}><legend>Agents</legend>
    <p class="hidden" role="status">${spoken}</p>
    <ol class="plain group-members">${members.map(
      (
        member,
        at,
      ) => html`<${MemberRow} key=${member.key} form=${form} member=${member} at=${at} count=${members.length} agents=${agents}
        all=${members} isWeighted=${strategy === 'WEIGHTED'} onChange=${(/** @type {Partial<MemberDraft>} */ changes) => change(member.key, changes)}
        onMove=${(/** @type {number} */ to) => move(at, to)} onRemove=${() => remove(member)} />`,
    )}</ol>
    <${Button} class="add" disabled=${members.length >= MOST_MEMBERS} onClick=${add}>Add an agent</${Button}>
    ${members.length >= MOST_MEMBERS && html`<p class="hint">A group has at most ${MOST_MEMBERS} agents.</p>`}
  </fieldset>`;
}
