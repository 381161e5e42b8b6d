// How many threads of texts wait for a person, for the navigation.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { MessagesWaiting } from '../generated/first.js';
import { useEvery, useQuery } from '../lib/hooks.js';
import { html } from '../lib/html.js';

/** How often they are counted while no view follows the messages. Milliseconds. */
const EVERY = 60_000;

const recounts = signal(0);

/** Counts them again: a view has seen a change. */
export const recount = () => void (recounts.value += 1);

export function Waiting() {
  const read = useQuery(MessagesWaiting, {});
  useEvery(read.refetch, EVERY);
  const asked = recounts.value;
  useEffect(() => {
    if (asked > 0) read.refetch();
  }, [asked]);
  const found = read.data?.messageThreads;
  if (!found || found.nodes.length === 0) return null;
  const more = found.pageInfo.hasNextPage ? '+' : '';
  return html` <span class="badge warn">${found.nodes.length}${more}<span class="hidden"> waiting for a person</span></span>`;
}
