// The rules being edited: their state, what can be done with them, and how they are saved.

import { useEffect, useRef, useState } from 'preact/hooks';

import { NumberRulesNow, NumberSetRules } from '../../generated/operations.js';
import { readOnce, useForm, useMutation } from '../../lib/hooks.js';
import { say } from '../../ui/basic.js';
import { conflictsOf } from './conflicts.js';
import { copyOf, draftsOf, inputOf, newDraft } from './rules.js';

/** @typedef {import('./rules.js').Draft} Draft */
/** @typedef {import('../../generated/types').NumberRulesFragment} Saved */
/** @typedef {{ key: number | null, path: string[], message: string }} RuleError a refusal; `key` and `path`: which rule, and where in it */
/** @typedef {ReturnType<typeof useRules>} Rules */

/** @param {Saved} saved the rules as they were read last */
export function useRules(saved) {
  const [initial] = useState(() => ({ rules: draftsOf(saved.routingRules) }));
  const form = useForm(initial);
  const [version, setVersion] = useState(saved.routingVersion);
  const [errors, setErrors] = useState(/** @type {RuleError[]} */ ([]));
  const [theirs, setTheirs] = useState(/** @type {Saved | null} */ (null));
  const [removed, setRemoved] = useState(/** @type {{ draft: Draft, index: number } | null} */ (null));
  const [save, busy] = useMutation(NumberSetRules);
  const drafts = form.values.rules;
  const latest = useRef(drafts);
  latest.current = drafts;
  const set = (/** @type {Draft[]} */ next) => form.set('rules', next);

  const take = (/** @type {Saved} */ next) => {
    setVersion(next.routingVersion);
    form.reset({ rules: draftsOf(next.routingRules, latest.current) });
    setErrors([]);
    setTheirs(null);
    setRemoved(null);
  };
  const isOutdated = saved.routingVersion > version;
  useEffect(() => {
    // Somebody else has changed the rules, and nothing is being edited here.
    if (isOutdated && !form.isDirty) take(saved);
  }, [isOutdated, form.isDirty]);

  const general = (/** @type {string} */ message) => ({ key: null, path: [], message });
  const compare = async () => {
    try {
      const { phoneNumber } = await readOnce(NumberRulesNow, { id: saved.id });
      if (phoneNumber) setTheirs(phoneNumber);
    } catch (error) {
      setErrors([general(/** @type {Error} */ (error).message)]);
    }
  };

  /** @param {number} expectedVersion */
  const send = async (expectedVersion) => {
    const sent = latest.current;
    const result = await save({ input: { phoneNumberId: saved.id, expectedVersion, rules: sent.map(inputOf) } });
    const next = result.data?.setRoutingRules?.phoneNumber;
    if (result.ok && next) {
      take(next);
      say('The routing rules are saved. They apply from the next call.');
      return;
    }
    const isOld = result.userErrors.some(({ field }) => field?.at(-1) === 'expectedVersion');
    const others = result.userErrors.filter(({ field }) => field?.at(-1) !== 'expectedVersion');
    setErrors([...others.map((error) => ruleError(error, sent)), ...(result.problem ? [general(result.problem)] : [])]);
    setTheirs(null);
    if (isOld) await compare();
  };

  return {
    drafts,
    errors,
    theirs,
    removed,
    busy,
    isDirty: form.isDirty,
    isOutdated,
    conflicts: conflictsOf(drafts.map(inputOf)),
    take,
    compare,
    closeComparison: () => setTheirs(null),
    save: () => send(version),
    overwrite: (/** @type {Saved} */ over) => send(over.routingVersion),
    discard: () => take(saved),
    change: (/** @type {number} */ key, /** @type {Partial<Draft>} */ changes) => {
      set(drafts.map((draft) => (draft.key === key ? { ...draft, ...changes } : draft)));
      // What was refused is not any more, once it is changed.
      const isChanged = (/** @type {RuleError} */ { path }) => Object.keys(changes).some((name) => path.includes(name));
      setErrors(errors.filter((error) => error.key !== key || !isChanged(error)));
    },
    add: () => {
      const draft = newDraft(drafts);
      set([...drafts, draft]);
      return draft;
    },
    duplicate: (/** @type {number} */ index) => {
      const draft = drafts[index];
      if (!draft) return null;
      const copy = copyOf(draft, drafts);
      set(drafts.toSpliced(index + 1, 0, copy));
      return copy;
    },
    remove: (/** @type {number} */ index) => {
      const draft = drafts[index];
      if (!draft) return;
      setRemoved({ draft, index });
      setErrors(errors.filter(({ key }) => key !== draft.key));
      set(drafts.toSpliced(index, 1));
    },
    restore: () => {
      if (!removed) return;
      set(drafts.toSpliced(removed.index, 0, removed.draft));
      setRemoved(null);
    },
    move: (/** @type {number} */ from, /** @type {number} */ to) => {
      const draft = drafts[from];
      if (!draft || from === to) return;
      setErrors(errors.filter(({ path }) => path.length > 0));
      set(drafts.toSpliced(from, 1).toSpliced(to, 0, draft));
    },
  };
}

/**
 * @param {import('../../lib/hooks.js').Refusal} error its path: `input`, `rules`, index, `condition` or `action` or `name`, …
 * @param {Draft[]} sent
 * @returns {RuleError}
 */
function ruleError({ field, message }, sent) {
  const [, rules, index, ...path] = field ?? [];
  const draft = rules === 'rules' ? sent[Number(index)] : undefined;
  if (!draft) return { key: null, path: [], message };
  // A value of a list is named, since the list is one field.
  const [, list, nth] = path;
  const values = list === 'callers' || list === 'dates' ? inputOf(draft).condition[list] : null;
  const value = nth === undefined ? undefined : values?.[Number(nth)];
  return { key: draft.key, path, message: value === undefined ? message : `“${value}”: ${message}` };
}
