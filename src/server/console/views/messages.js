// Messages: threads of texts by filters in the address bar, page by page, that follow what happens.

import { useEffect } from 'preact/hooks';

import { MessagesThreads, MessagesUpdated } from '../generated/operations.js';
import * as format from '../lib/format.js';
import { useEvery, useQuery, useSubscription, useThrottled, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import { address, href, setParams } from '../lib/router.js';
import { Button, Empty, Loading, Problem, ViewHead } from '../ui/basic.js';
import { Party } from '../ui/party.js';
import { pageArguments, Pager, Table } from '../ui/table.js';
import { recount } from '../ui/waiting.js';
import { clear, filterOf, Filters, isFiltered, remember } from './messages/filters.js';
import { NewMessage } from './messages/new.js';
import { Consent, Handling, isLost, Status } from './messages/words.js';

/** @typedef {import('../generated/types').MessagesThreadsQuery['messageThreads']['nodes'][number]} Thread */

const PAGE = 25;
/** How often the list is read without an event: who answers a thread may change without a message. Milliseconds. */
const READ_EVERY = 30_000;

/** @param {import('../app.js').ViewProps} props */
export default function View({ session }) {
  const heading = useTitle('Messages');
  const { params } = address.value;
  remember(params);
  const filter = filterOf(params);
  const read = useQuery(MessagesThreads, { ...pageArguments(params, PAGE), filter });
  const reread = () => {
    read.refetch();
    recount();
  };
  useSubscription(MessagesUpdated, {}, useThrottled(reread), { onStart: reread });
  useEvery(reread, READ_EVERY);

  const turn = (/** @type {{ after?: string, before?: string }} */ { after, before }) => {
    setParams({ after: after ?? '', before: before ?? '' });
    scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  };
  const toHead = (/** @type {() => void} */ change) => () => {
    change();
    // The button is gone with what it changed.
    heading.current?.focus({ preventScroll: true });
  };
  const toFirst = toHead(() => setParams({ after: '', before: '' }));
  const clearFilters = toHead(clear);
  const threads = read.data?.messageThreads;
  const isDeep = params.has('after') || params.has('before');
  // Back at the newest threads: the first page gets new ones, a page before a cursor does not.
  const isNewest = params.has('before') && threads?.pageInfo.hasPreviousPage === false;
  useEffect(() => {
    if (isNewest) setParams({ before: '' }, { replace: true });
  }, [isNewest]);
  const canSend = session.role !== 'AGENT';
  const write = () => setParams({ new: '1' });
  return html`<${ViewHead} title="Messages" heading=${heading}>
      ${canSend && html`<${Button} kind="primary" onClick=${write}>Write a message</${Button}>`}
    </${ViewHead}>
    <section class="card" aria-label="Filters"><${Filters} params=${params} /></section>
    <section class="card" aria-label="Threads">
      <${Problem} read=${read} />
      ${read.problem && isDeep && html`<p><${Button} onClick=${toFirst}>To the first page</${Button}></p>`}
      ${read.problem && !isDeep && isFiltered(filter) && html`<p><${Button} onClick=${clearFilters}>Clear the filters</${Button}></p>`}
      ${!threads && read.loading && html`<${Loading} />`}
      ${threads?.nodes.length === 0 && html`<${NoThreads} filtered=${isFiltered(filter)} isDeep=${isDeep} toFirst=${toFirst} clearFilters=${clearFilters} />`}
      ${threads && threads.nodes.length > 0 && html`<${ThreadTable} threads=${threads.nodes} busy=${read.loading} />`}
      ${threads && html`<${Pager} pageInfo=${threads.pageInfo} onPage=${turn} />`}
    </section>
    ${canSend && params.has('new') && html`<${NewMessage} numberId=${params.get('number')} onClose=${() => setParams({ new: null }, { replace: true })} />`}`;
}

/** @param {{ filtered: boolean, isDeep: boolean, toFirst: () => void, clearFilters: () => void }} props */
function NoThreads({ filtered, isDeep, toFirst, clearFilters }) {
  if (isDeep)
    return html`<${Empty} action=${html`<${Button} onClick=${toFirst}>To the first page</${Button}>`}>There are no messages on this page.</${Empty}>`;
  if (filtered)
    return html`<${Empty} action=${html`<${Button} onClick=${clearFilters}>Clear the filters</${Button}>`}>No messages match these filters. “With” takes a whole number, such as +12125550123.</${Empty}>`;
  return html`<${Empty} action=${html`<a class="button" href=${href('/numbers')}>Show your numbers</a>`}>No messages yet. Texts to your numbers appear here as soon as they arrive.</${Empty}>`;
}

/** @param {{ threads: Thread[], busy: boolean }} props */
function ThreadTable({ threads, busy }) {
  /** @type {import('../ui/table.js').Column<Thread>[]} */
  const columns = [
    {
      label: 'With',
      isHead: true,
      cell: ({ id, participant }) =>
        html`<a href=${href(`/messages/${encodeURIComponent(id)}`)}><${Party} value=${participant} /></a>`,
    },
    { label: 'Last message', cell: ({ lastMessage }) => html`<${Preview} message=${lastMessage} />` },
    {
      label: 'Time',
      cell: ({ lastMessage }) =>
        lastMessage
          ? html`<time datetime=${lastMessage.createdAt}>${format.dateTime(lastMessage.createdAt)}</time>`
          : format.NONE,
    },
    {
      label: 'Your number',
      cell: ({ phoneNumber, agent }) =>
        html`<span>${
          phoneNumber ? html`<span class="phone">${phoneNumber.number}</span>` : 'Released'
        }${agent && html` <bdi class="muted block">${agent.name}</bdi>`}</span>`,
    },
    { label: 'Answered by', cell: ({ handling }) => html`<${Handling} value=${handling} />` },
    { label: 'Consent', cell: ({ consent }) => html`<${Consent} value=${consent} />` },
  ];
  const isWaiting = (/** @type {Thread} */ { handling }) => (handling === 'WAITING_FOR_PERSON' ? 'waiting' : '');
  return html`<${Table} caption="Threads of messages, newest first" columns=${columns} rows=${threads} rowKey=${(/** @type {Thread} */ { id }) => id} rowClass=${isWaiting} busy=${busy} />`;
}

/** The beginning of the last message. @param {{ message: Thread['lastMessage'] }} props */
function Preview({ message }) {
  if (!message) return html`<span class="muted">No messages</span>`;
  const { direction, body, status, media } = message;
  const withoutText = media.length > 0 ? 'A picture or another file' : 'A message without text';
  const text = body === null ? 'A text that was deleted' : body.trim() || withoutText;
  return html`<div><span class="preview">${direction === 'OUTBOUND' && html`<span class="muted">Outgoing: </span>`}<bdi>${text}</bdi></span>
    ${isLost(status) && html` <${Status} value=${status} />`}</div>`;
}
