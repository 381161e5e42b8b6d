// The messages of one thread: the newest, which follow what happens, and older ones that were asked for.

import { useEffect, useState } from 'preact/hooks';

import { MessagesOlder } from '../../generated/operations.js';
import { readOnce } from '../../lib/hooks.js';

/** @typedef {import('../../generated/types').MessagesMessageFragment} Message */
/** @typedef {import('../../generated/types').MessagesPageFragment} Page */

/**
 * A newer reading of the first page, before the messages that are known. If they have no message in common, others lie
 * between them: then only the page is kept.
 * @param {Page} known newest first, as the API lists them
 * @param {Page} first
 * @returns {Page}
 */
export function merged(known, first) {
  const ids = new Set(first.nodes.map(({ id }) => id));
  if (!known.nodes.some(({ id }) => ids.has(id))) return first;
  const older = known.nodes.filter(({ id }) => !ids.has(id));
  return older.length === 0 ? first : { nodes: [...first.nodes, ...older], pageInfo: known.pageInfo };
}

/**
 * @param {string} threadId
 * @param {Page} first the first page as it was read last
 */
export function useMessages(threadId, first) {
  const [known, setKnown] = useState(first);
  const [isLoading, setLoading] = useState(false);
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  useEffect(() => setKnown((before) => merged(before, first)), [first]);

  const loadOlder = async () => {
    if (isLoading) return;
    setLoading(true);
    setProblem(null);
    try {
      const { node } = await readOnce(MessagesOlder, { id: threadId, after: known.pageInfo.endCursor });
      const page = node && 'messages' in node ? node.messages : null;
      if (page)
        setKnown((before) => ({ nodes: [...before.nodes, ...unknown(page.nodes, before)], pageInfo: page.pageInfo }));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setLoading(false);
    }
  };
  /** Shows a change of a message that is too old to be read again. @param {Message} changed */
  const replace = (changed) =>
    setKnown((before) => ({
      ...before,
      nodes: before.nodes.map((message) => (message.id === changed.id ? changed : message)),
    }));
  return {
    messages: known.nodes.toReversed(),
    hasOlder: known.pageInfo.hasNextPage,
    loadOlder,
    isLoading,
    problem,
    replace,
  };
}

/** @param {Message[]} messages @param {Page} known */
const unknown = (messages, known) => messages.filter(({ id }) => !known.nodes.some((one) => one.id === id));
