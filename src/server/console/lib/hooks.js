// What views use to read, to change and to follow.

import { useSignal } from '@preact/signals';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { acrossTenants, clients, explain, reconnections } from './api.js';
import * as router from './router.js';
import { refusal } from './session.js';

/** Wait in milliseconds before a stream that ended with an error is followed again. Each further wait is twice as long. */
const FIRST_WAIT = 2000;
const LONGEST_WAIT = 60_000;

/**
 * @template Data
 * @template {import('@urql/core').AnyVariables} Variables
 * @typedef {import('@urql/core').TypedDocumentNode<Data, Variables>} Document
 */

/**
 * @template Data
 * @typedef {object} Read
 * @property {Data | undefined} data the last answer; stays while it is read again
 * @property {string | null} problem why there is no (newer) answer
 * @property {boolean} loading whether an answer is awaited
 * @property {() => void} refetch reads again, from the server; nothing while it is paused
 */

/**
 * Reads, and reads again when a mutation changed the same types, when the socket was away, and when asked.
 * @template Data
 * @template {import('@urql/core').AnyVariables} Variables
 * @param {Document<Data, Variables>} document
 * @param {Variables} variables
 * @param {{ pause?: boolean, platform?: boolean, byId?: boolean }} [options] `pause`: do not read (yet). `platform`: for operators, about all tenants.
 *   `byId`: an id of the address bar that is none finds nothing, and is no problem
 * @returns {Read<Data>}
 */
export function useQuery(document, variables, { pause = false, platform = false, byId = false } = {}) {
  const key = JSON.stringify(variables);
  const { client } = clients.value;
  const reconnected = reconnections.value;
  const [asked, ask] = useState(0);
  const first = useRef(true);
  const [state, setState] = useState(
    /** @returns {Omit<Read<Data>, 'refetch'>} */ () => ({ data: undefined, problem: null, loading: !pause }),
  );

  // Another question: the answer to the former one must not be shown as if it were this one's.
  useEffect(() => {
    if (first.current) first.current = false;
    else setState({ data: undefined, problem: null, loading: !pause });
  }, [client, document, key]);

  useEffect(() => {
    if (pause) return undefined;
    setState((before) => ({ ...before, loading: true }));
    const requestPolicy = asked > 0 || reconnected > 0 ? 'network-only' : 'cache-and-network';
    const reading = client
      .query(document, variables, { requestPolicy, ...(platform && acrossTenants) })
      .subscribe((result) => {
        const isNoId = byId && result.error?.graphQLErrors[0]?.extensions?.code === 'BAD_USER_INPUT';
        setState((before) => ({
          data: result.data ?? before.data,
          problem: isNoId ? null : explain(result.error),
          loading: Boolean(result.stale) || Boolean(result.hasNext),
        }));
      });
    return () => reading.unsubscribe();
  }, [client, document, key, pause, asked, reconnected]);

  const refetch = useCallback(() => ask((count) => count + 1), []);
  return { ...state, refetch };
}

/**
 * @typedef {object} Refusal a user error of the API
 * @property {string} code
 * @property {string} message
 * @property {string[] | null} [field] path in the input, such as `["input", "areaCode"]`
 * @property {string[] | null} [suggestedAreaCodes]
 */

/**
 * @template Data
 * @typedef {object} Changed
 * @property {Data | undefined} data
 * @property {Refusal[]} userErrors what the person can correct
 * @property {string | null} problem why there was no answer
 * @property {boolean} ok whether the change was made
 */

/**
 * Changes. Returns a function that sends the mutation once, and whether one is under way.
 * @template Data
 * @template {import('@urql/core').AnyVariables} Variables
 * @param {Document<Data, Variables>} document
 * @param {{ platform?: boolean }} [options] `platform`: for operators, about any tenant
 * @returns {[(variables: Variables) => Promise<Changed<Data>>, boolean]}
 */
export function useMutation(document, { platform = false } = {}) {
  const busy = useSignal(false);
  const run = useCallback(
    async (/** @type {Variables} */ variables) => {
      busy.value = true;
      try {
        const result = await clients
          .peek()
          .client.mutation(document, variables, platform ? acrossTenants : {})
          .toPromise();
        const payloads = Object.values(/** @type {Record<string, any>} */ (result.data ?? {}));
        /** @type {Refusal[]} */
        const userErrors = payloads.flatMap((payload) => payload?.userErrors ?? []);
        const problem = explain(result.error, true);
        return { data: result.data, userErrors, problem, ok: !result.error && userErrors.length === 0 };
      } finally {
        busy.value = false;
      }
    },
    [document, platform],
  );
  return [run, busy.value];
}

/**
 * Reads once, outside of what a view shows: for an export. Throws what to tell the person.
 * @template Data
 * @template {import('@urql/core').AnyVariables} Variables
 * @param {Document<Data, Variables>} document
 * @param {Variables} variables
 * @returns {Promise<Data>}
 */
export async function readOnce(document, variables) {
  const result = await clients.peek().client.query(document, variables, { requestPolicy: 'network-only' }).toPromise();
  if (result.error || !result.data) throw new Error(explain(result.error) ?? 'There was no answer.');
  return result.data;
}

/**
 * Follows what happens, for as long as the view is shown. What happened between a query and the start of the subscription is in
 * neither: `onStart` asks again.
 * @template Data
 * @template {import('@urql/core').AnyVariables} Variables
 * @param {Document<Data, Variables>} document
 * @param {Variables} variables
 * @param {(data: Data) => void} onEvent
 * @param {{ pause?: boolean, onStart?: () => void }} [options] `onStart`: called when every event from now on arrives, also after
 *   a reconnection
 */
export function useSubscription(document, variables, onEvent, { pause = false, onStart } = {}) {
  const { client } = clients.value;
  const reconnected = reconnections.value;
  const handlers = useRef({ onEvent, onStart });
  handlers.current = { onEvent, onStart };
  const wait = useRef(FIRST_WAIT);
  const hasEnded = useRef(false);
  const [attempt, setAttempt] = useState(0);
  // The socket itself renews what it carries when it is open again. What ended with an error is asked for again here.
  useEffect(() => {
    if (hasEnded.current) setAttempt((count) => count + 1);
  }, [reconnected]);
  useEffect(() => {
    if (pause) return undefined;
    hasEnded.current = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    // An error ends the stream, as for a page that could not keep up with it: everything is asked again then.
    const again = () => {
      hasEnded.current = true;
      timer ??= setTimeout(() => refusal.peek() === null && (reconnections.value += 1), wait.current);
      wait.current = Math.min(wait.current * 2, LONGEST_WAIT);
    };
    const context = { onStart: () => handlers.current.onStart?.() };
    const following = client.subscription(document, variables, context).subscribe((result) => {
      if (result.data) {
        wait.current = FIRST_WAIT;
        handlers.current.onEvent(result.data);
      }
      if (result.error) {
        explain(result.error);
        again();
      }
    });
    return () => {
      clearTimeout(timer);
      following.unsubscribe();
    };
  }, [client, document, JSON.stringify(variables), pause, attempt]);
}

/**
 * A function that runs once after a burst of calls, at the latest every `milliseconds`: a hundred calls that end at once cost
 * one query.
 * @param {() => void} action
 * @param {number} [milliseconds]
 */
export function useThrottled(action, milliseconds = 700) {
  const latest = useRef(action);
  latest.current = action;
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, milliseconds);
  }, [milliseconds]);
}

/**
 * The present instant in milliseconds, moving: for durations of what is under way.
 * @param {number} [every] milliseconds
 */
export function useNow(every = 1000) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/**
 * Repeats something while the page is visible, and at once when it becomes visible again.
 * @param {() => void} action
 * @param {number} milliseconds
 */
export function useEvery(action, milliseconds) {
  const latest = useRef(action);
  latest.current = action;
  useEffect(() => {
    const repeat = () => document.hidden || latest.current();
    const timer = setInterval(repeat, milliseconds);
    document.addEventListener('visibilitychange', repeat);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', repeat);
    };
  }, [milliseconds]);
}

/**
 * Gives the focus to the view's heading when this component no longer draws what had it, such as a row that has left a list, or
 * disables it. Dialogs give it back themselves.
 */
export function useKeptFocus() {
  const last = useRef(/** @type {EventTarget | null} */ (null));
  useEffect(() => {
    const note = (/** @type {Event} */ event) => (last.current = event.target);
    document.addEventListener('focusin', note);
    return () => document.removeEventListener('focusin', note);
  }, []);
  useEffect(() => {
    const had = last.current;
    const isGone =
      had instanceof Element && (!had.isConnected || had.matches(':disabled')) && had.closest('dialog') === null;
    if (!isGone || document.activeElement !== document.body) return;
    // A disabled element is still where the person looks.
    const preventScroll = had.isConnected;
    /** @type {HTMLElement | null} */ (document.querySelector('main h1'))?.focus({ preventScroll });
  });
}

/**
 * This value once it has not changed for a while: for a search as one types.
 * @template Value
 * @param {Value} value
 * @param {number} [milliseconds]
 */
export function useSettled(value, milliseconds = 300) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/**
 * The state of a form: values, whether anything was changed, and the API's refusals by field. Leaving with something
 * changed asks first.
 * @template {Record<string, any>} Values
 * @param {Values} initial
 */
export function useForm(initial) {
  const [values, setValues] = useState(initial);
  const [saved, setSaved] = useState(initial);
  const [userErrors, setUserErrors] = useState(/** @type {Refusal[]} */ ([]));
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const isDirty = JSON.stringify(values) !== JSON.stringify(saved);
  const dirty = useRef(isDirty);
  dirty.current = isDirty;
  useEffect(() => router.guard(() => dirty.current), []);

  return useMemo(
    () => ({
      values,
      isDirty,
      problem,
      /** Sets one value. @param {keyof Values} name @param {any} value */
      set: (name, value) => setValues((before) => ({ ...before, [name]: value })),
      /** Begins anew with these values, as saved. @param {Values} next */
      reset: (next) => {
        dirty.current = false;
        setValues(next);
        setSaved(next);
        setUserErrors([]);
        setProblem(null);
      },
      /** Keeps the edits, as edits of these saved values. @param {Values} next */
      rebase: (next) => setSaved(next),
      /** Shows the result of the mutation. Returns whether the change was made. @param {Changed<any>} changed */
      settle: (changed) => {
        setUserErrors(changed.userErrors);
        setProblem(changed.problem);
        return changed.ok;
      },
      /** The refusals of one field. @param {string} field last part of the path, such as `areaCode` */
      errorsOf: (field) => userErrors.filter((error) => error.field?.at(-1) === field),
      /** The refusals that belong to none of these fields. @param {string[]} fields */
      otherErrors: (fields) => userErrors.filter((error) => !fields.includes(error.field?.at(-1) ?? '')),
      userErrors,
    }),
    [values, saved, userErrors, problem, isDirty],
  );
}

/** Whether any view was shown since the page was loaded. */
let isAnyShown = false;

/**
 * Sets the title of the page, and moves the focus to its heading when the view appears, so that a screen reader begins there.
 * @param {string} title
 * @returns {import('preact').RefObject<HTMLHeadingElement | null>}
 */
export function useTitle(title) {
  const heading = useRef(/** @type {HTMLHeadingElement | null} */ (null));
  useEffect(() => {
    document.title = `${title} · Switchboard`;
  }, [title]);
  const shown = useRef(/** @type {HTMLHeadingElement | null} */ (null));
  const hadFocus = useRef(false);
  useEffect(() => {
    const isFirst = shown.current === null && heading.current !== null;
    if (heading.current === shown.current) return;
    shown.current = heading.current;
    // Not at the very first view, where the browser's own order is right. A view may draw another heading when its data arrives: it
    // takes over the focus, unless the person has moved on.
    const isNew = isFirst && (isAnyShown || document.activeElement !== document.body);
    isAnyShown = true;
    if (!isNew && !(hadFocus.current && document.activeElement === document.body)) return;
    hadFocus.current = true;
    heading.current?.focus({ preventScroll: true });
  });
  return heading;
}
