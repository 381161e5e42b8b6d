// Now: who is on the phone, how today went, and what needs attention.

import { useEvery, useThrottled, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import { page } from '../lib/page.js';
import { href } from '../lib/router.js';
import { Section, ViewHead } from '../ui/basic.js';
import { NeedsAttention, useAttention } from './now/attention.js';
import { LiveCalls, useLiveCalls } from './now/live.js';
import { PlaceTestCall } from './now/test_call.js';
import { Tiles, Today, useToday, useViewer } from './now/today.js';

/** Milliseconds between two readings of everything without news: operations and numbers change without a call. */
const EVERY = 60_000;
/** Milliseconds between two readings of sums while calls come and go. */
const AFTER_CALLS = 2000;

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Now');
  const isAgent = session.role === 'AGENT';
  const viewer = useViewer(isAgent);
  const today = useToday();
  const attention = useAttention(isAgent);
  const refetchSums = () => {
    viewer.refetch();
    today.read.refetch();
    attention.read.refetch();
  };
  const live = useLiveCalls(useThrottled(refetchSums, AFTER_CALLS));
  useEvery(() => {
    refetchSums();
    attention.operations.refetch();
    attention.origins.refetch();
    live.read.refetch();
  }, EVERY);

  const agents = attention.read.data?.agents.nodes;
  const isNew = agents?.length === 0 && !isAgent;
  return html`<${ViewHead} title="Now" heading=${heading} />
    ${isNew && html`<${Welcome} />`}
    ${!isNew && html`<${Tiles} viewer=${viewer} today=${today} />`}
    <${LiveCalls} live=${live} actions=${page.sandbox && !isNew && html`<${PlaceTestCall} />`} />
    ${!isNew && html`<${NeedsAttention} attention=${attention} />`}
    ${!isNew && html`<${Today} today=${today} />`}`;
}

/** The first page of somebody who has nothing yet. */
function Welcome() {
  return html`<${Section} title="Welcome">
    <p>An agent answers the phone for you. Give it a name and a number, and it takes its first call within a minute.</p>
    <p><a class="button primary" href=${href('/agents/new')}>Create your first agent</a></p>
  </${Section}>`;
}
