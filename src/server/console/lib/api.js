// The public GraphQL API, as any client uses it: urql for queries and mutations, graphql-ws for subscriptions.
//
// Failures are of four kinds, and each is told with what happens next:
// - the token is refused: the session asks for another one, and everything is asked again with it;
// - the server cannot answer now (no connection, 429, 503): queries are repeated by themselves, mutations are not;
// - the API refuses the request as a whole (a top-level error): shown where the data would be;
// - the API refuses an input (`userErrors`): shown at its field.

import { effect, signal } from '@preact/signals';
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createSocket } from 'graphql-ws';

import { page } from './page.js';
import * as session from './session.js';

/** Repetitions of a query that the server could not answer, before the page says so and offers a button. */
const ATTEMPTS = 4;
/** Wait in milliseconds before the first repetition. Each further wait is twice as long. */
const FIRST_WAIT = 500;
/** Longest wait between two attempts to open the socket, in milliseconds. */
const LONGEST_WAIT = 15_000;
/** Ping interval of the socket in milliseconds, and how long an answer may take. The server's own interval is 20 s. */
const PING_EVERY = 10_000;
const PONG_WITHIN = 5_000;
/** Deadline of a request in milliseconds. The server's own is 60 s. */
const DEADLINE = 65_000;

/** @typedef {'idle' | 'connecting' | 'connected' | 'reconnecting'} Liveness */

/** State of the socket that carries what happens live. @type {import('@preact/signals').Signal<Liveness>} */
export const liveness = signal('idle');

/** Grows whenever the socket is open again, or is to be: what happened in between was not announced, so queries are asked again. */
export const reconnections = signal(0);

/** Why queries are being repeated at present; null when the server answers. @type {import('@preact/signals').Signal<string | null>} */
export const trouble = signal(null);

/**
 * Clients of one identity. Nothing that another person or tenant may read stays in the cache of a new one.
 * @type {import('@preact/signals').Signal<{ client: Client, socket: import('graphql-ws').Client }>}
 */
export const clients = signal(connect());

/** Replaces the clients when somebody else signs in, and reopens the socket with a renewed token. */
export function start() {
  let identity = session.identity.peek();
  let token = session.token.peek();
  clients.value = connect();
  effect(() => {
    const before = { identity, token };
    identity = session.identity.value;
    token = session.token.value;
    if (identity !== before.identity) {
      void clients.peek().socket.dispose();
      liveness.value = 'idle';
      clients.value = connect();
    } else if (token !== before.token) {
      // The socket's own token is the old one. It connects again if anything is subscribed to.
      clients.peek().socket.terminate();
      reconnections.value += 1;
    }
  });
}

/** @returns {Record<string, string>} */
function credentials() {
  const headers = ownCredentials();
  const tenant = session.actingFor.peek();
  if (tenant !== null) headers['x-tenant-id'] = tenant;
  return headers;
}

/** @returns {Record<string, string>} */
function ownCredentials() {
  const token = session.token.peek();
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/**
 * Context of an operator's request about the whole platform: it names no tenant, also while the operator acts for one. With the
 * tenant's name it would be recorded in that tenant's trail, and a list would be narrowed to that tenant.
 */
export const acrossTenants = { fetchOptions: () => ({ headers: ownCredentials() }) };

function connect() {
  const { socket, follow } = openSocket();
  const client = new Client({
    url: page.endpoint,
    // A GET would write variables, and so phone numbers, into proxies' logs.
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetch: patientFetch,
    fetchOptions: () => ({ headers: credentials() }),
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables, operationName, extensions }, { context }) => ({
          subscribe: (sink) => ({
            unsubscribe: follow({ query: query ?? '', variables, operationName, extensions }, sink, context.onStart),
          }),
        }),
      }),
    ],
  });
  return { client, socket };
}

/**
 * One socket for all subscriptions, opened by the first and closed after the last. It is opened again for ever, and subscribes
 * again to everything that it carried.
 */
function openSocket() {
  /** What to call when the server watches for a subscription, by its id. @type {Map<string, () => void>} */
  const starts = new Map();
  let lastId = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pongTimer;
  let wasOpen = false;
  const socket = createSocket({
    url: page.socket,
    connectionParams: credentials,
    generateID: () => String((lastId += 1)),
    keepAlive: PING_EVERY,
    retryAttempts: Infinity,
    retryWait: (attempts) => {
      const wait = Math.min(FIRST_WAIT * 2 ** attempts, LONGEST_WAIT);
      // Spread, so that a restarted server does not meet all pages at one instant.
      return new Promise((resume) => setTimeout(resume, wait * (0.5 + Math.random())));
    },
    // Not with a token that the server has refused: a new one subscribes again.
    shouldRetry: () => session.refusal.peek() === null,
    on: {
      connecting: () =>
        (liveness.value = wasOpen || liveness.peek() === 'reconnecting' ? 'reconnecting' : 'connecting'),
      connected: () => {
        liveness.value = 'connected';
        if (wasOpen) reconnections.value += 1;
        wasOpen = true;
      },
      closed: (event) => {
        clearTimeout(pongTimer);
        const code = event instanceof CloseEvent ? event.code : 0;
        // 4403: the token expired or was replaced. 1000: the last subscription ended.
        if (code === 4403) session.refuse(/** @type {CloseEvent} */ (event).reason.replace(/^Forbidden: /, ''));
        liveness.value = code === 1000 ? 'idle' : 'reconnecting';
        if (code === 1000) wasOpen = false;
      },
      ping: (received, payload) => {
        if (received) {
          starts.get(String(payload?.subscribed))?.();
          return;
        }
        // A connection that was cut without a word looks open until something is written to it.
        pongTimer = setTimeout(() => socket.terminate(), PONG_WITHIN);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
    },
  });
  /**
   * Subscribes. Returns what ends the subscription.
   * @param {import('graphql-ws').SubscribePayload} payload
   * @param {{ next: (result: any) => void, error: (error: any) => void, complete: () => void }} sink
   * @param {() => void} [onStart] called whenever the server has begun to watch: at the start and after each reconnection
   */
  const follow = (payload, sink, onStart) => {
    const stop = socket.subscribe(payload, {
      next: (/** @type {any} */ result) => sink.next(result),
      error: (error) => sink.error(error),
      complete: () => sink.complete(),
    });
    const id = String(lastId);
    if (onStart) starts.set(id, onStart);
    return () => {
      starts.delete(id);
      stop();
    };
  };
  return { socket, follow };
}

/**
 * fetch() that repeats a query the server could not answer now. A mutation is sent once: whether it took effect is not
 * known, and its form keeps what was typed.
 * @type {typeof fetch}
 */
async function patientFetch(input, init) {
  const isMutation = /^\s*mutation\b/.test(JSON.parse(String(init?.body ?? '{}')).query ?? '');
  for (let attempt = 1; ; attempt += 1) {
    const isLast = isMutation || attempt >= ATTEMPTS;
    try {
      const deadline = AbortSignal.timeout(DEADLINE);
      const cancelled = init?.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
      const response = await fetch(input, { ...init, signal: cancelled });
      if (!isTemporary(response.status) || isLast) {
        if (response.status < 500) trouble.value = null;
        return response;
      }
      const seconds = Number(response.headers.get('retry-after')) || 0;
      trouble.value =
        response.status === 429
          ? 'Too many requests at once. Waiting for a moment.'
          : 'The server cannot answer at the moment. Trying again.';
      await pause(Math.max(seconds * 1000, FIRST_WAIT * 2 ** (attempt - 1)), init?.signal);
    } catch (error) {
      if (init?.signal?.aborted || isLast) throw error;
      trouble.value = 'No connection to the server. Trying again.';
      await pause(FIRST_WAIT * 2 ** (attempt - 1), init?.signal);
    }
  }
}

/** @param {number} status */
const isTemporary = (status) => status === 429 || status === 502 || status === 503 || status === 504;

/**
 * @param {number} milliseconds
 * @param {AbortSignal | null | undefined} cancelled
 * @returns {Promise<void>}
 */
function pause(milliseconds, cancelled) {
  return new Promise((resume, fail) => {
    const timer = setTimeout(resume, milliseconds);
    cancelled?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        fail(cancelled.reason);
      },
      { once: true },
    );
  });
}

/**
 * What a failed request tells the person. Null for a refused token, which the session's own dialog tells.
 * @param {import('@urql/core').CombinedError | Error | undefined} error
 * @param {boolean} [isMutation] whether the person has to act, because nothing is repeated by itself
 * @returns {string | null}
 */
export function explain(error, isMutation = false) {
  if (!error) return null;
  const combined = /** @type {import('@urql/core').CombinedError} */ (error);
  const first = combined.graphQLErrors?.[0];
  const code = first?.extensions?.code;
  if (code === 'UNAUTHENTICATED') {
    session.refuse(first?.message ?? 'The token is not valid.');
    return null;
  }
  const status = combined.response?.status;
  if (status === 429 || code === 'RATE_LIMITED') {
    const seconds = first?.extensions?.retryAfter;
    return `Too many requests. Try again ${seconds ? `in ${seconds} s` : 'in a minute'}.`;
  }
  if (first) {
    const id = code === 'INTERNAL' && first.extensions?.requestId ? ` (request ${first.extensions.requestId})` : '';
    return first.message + id;
  }
  const after = isMutation
    ? 'Whether the change was made is not known. What you typed is kept: look, then try again.'
    : 'Try again when the connection is back.';
  if (status === 503 || status === 502 || status === 504) return `The server cannot answer at the moment. ${after}`;
  return `The server could not be reached. ${after}`;
}
