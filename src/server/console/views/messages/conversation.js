// The messages of a thread, oldest first, in a part of the page that scrolls by itself.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import * as format from '../../lib/format.js';
import { html } from '../../lib/html.js';
import { Button, Empty, Notice } from '../../ui/basic.js';
import { sentence } from '../../ui/progress.js';
import { Media } from './media.js';
import { isLost, Status } from './words.js';

/** @typedef {import('./use_messages.js').Message} Message */

/** Whoever is this near to the end, in pixels, reads the newest and is taken along. */
const NEAR = 60;

/**
 * @param {{ messages: Message[], hasOlder: boolean, loadOlder: () => void, isLoading: boolean, problem: string | null }} props
 */
export function Conversation({ messages, hasOlder, loadOlder, isLoading, problem }) {
  const { box, isBehind, toEnd, onScroll, onLoad } = useEnd(messages);
  return html`
    <div class="conversation" ref=${box} tabindex="0" role="group" aria-label="Messages, oldest first" onScroll=${onScroll} onLoadCapture=${onLoad}>
      ${problem && html`<${Notice} kind="error">${problem}</${Notice}>`}
      ${hasOlder && html`<p class="older"><${Button} kind="quiet" busy=${isLoading} onClick=${loadOlder}>Show older messages</${Button}></p>`}
      ${messages.length === 0 && html`<${Empty}>No messages yet.</${Empty}>`}
      <ol class="dialogue">${messages.map((message) => html`<${Bubble} key=${message.id} message=${message} />`)}</ol>
    </div>
    <${Announcement} newest=${messages.at(-1)} />
    ${isBehind && html`<p class="newer"><${Button} onClick=${toEnd}>New messages ↓</${Button}></p>`}`;
}

/** Keeps the newest message in sight for those who read it, and the place of those who read older ones. @param {Message[]} messages */
function useEnd(messages) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const before = useRef({ isAtEnd: true, height: 0, oldest: '' });
  const [isBehind, setBehind] = useState(false);
  const [oldest, newest] = [messages[0]?.id ?? '', messages.at(-1)];
  const toEnd = () => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  };
  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    const { isAtEnd, height, oldest: former } = before.current;
    const isOwn = newest?.direction === 'OUTBOUND';
    if (former !== '' && oldest !== former) current.scrollTop += current.scrollHeight - height;
    else if (isAtEnd || isOwn) toEnd();
    else setBehind(true);
    before.current = { ...before.current, height: current.scrollHeight, oldest };
  }, [oldest, newest?.id]);
  const onScroll = () => {
    const { current } = box;
    if (!current) return;
    const isAtEnd = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR;
    before.current = { ...before.current, isAtEnd, height: current.scrollHeight };
    if (isAtEnd) setBehind(false);
  };
  // A picture that arrives pushes the newest message out of sight.
  const onLoad = () => before.current.isAtEnd && toEnd();
  return { box, isBehind, toEnd, onScroll, onLoad };
}

/** Tells screen readers of a text that came in, and of nothing else. @param {{ newest: Message | undefined }} props */
function Announcement({ newest }) {
  const [said, say] = useState('');
  const first = useRef(newest?.id);
  useEffect(() => {
    if (newest && newest.id !== first.current && newest.direction === 'INBOUND')
      say(`New message: ${newest.body ?? ''}`);
  }, [newest?.id]);
  return html`<p class="hidden" role="status">${said}</p>`;
}

/** @param {{ message: Message }} props */
function Bubble({ message }) {
  const { direction, body, status, error, media, createdAt } = message;
  const isOwn = direction === 'OUTBOUND';
  return html`<li class=${isOwn ? 'agent' : 'caller'}>
    <div class="hint">${isOwn ? 'Outgoing' : 'Incoming'} <time datetime=${createdAt}>${format.dateTime(createdAt)}</time></div>
    <${Body} body=${body} isAlone=${media.length === 0} />
    <${Media} media=${media} isOwn=${isOwn} />
    ${isOwn && html`<div class="facts-line"><${Status} value=${status} /> <span class="hint">${costOf(message)}</span></div>`}
    ${error && html`<p class=${isLost(status) ? 'field-error' : 'hint'}>${sentence(error.message)}</p>`}
  </li>`;
}

/** @param {{ body: string | null, isAlone: boolean }} props `isAlone`: without files */
function Body({ body, isAlone }) {
  if (body === null) return html`<p class="muted">This text was deleted.</p>`;
  if (body.trim() === '') return isAlone && html`<p class="muted">A message without text.</p>`;
  return html`<p dir="auto">${body}</p>`;
}

/** What the carrier counted and charged, as far as it is known. @param {Message} message */
function costOf({ segments, price }) {
  const counted = segments !== null && (segments === 1 ? '1 segment' : `${format.number(segments)} segments`);
  return [counted, price !== null && format.money(price)].filter(Boolean).join(', ');
}
