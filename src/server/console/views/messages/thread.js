// One thread: its messages, live, who answers it, and a form to write.

import { MessagesOfThreadUpdated, MessagesThread } from '../../generated/operations.js';
import { dateTime } from '../../lib/format.js';
import { useEvery, useForm, useQuery, useSubscription, useThrottled, useTitle } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { href } from '../../lib/router.js';
import { Button, Empty, Facts, Loading, Notice, Problem, Section, ViewHead } from '../../ui/basic.js';
import { FormErrors } from '../../ui/form.js';
import { Party } from '../../ui/party.js';
import { recount } from '../../ui/waiting.js';
import { SendingProblem } from '../number/texts.js';
import { TextBody, useSend } from './compose.js';
import { ConsentButton } from './consent.js';
import { Conversation } from './conversation.js';
import { lastSearch } from './filters.js';
import { WhoAnswers } from './handling.js';
import { useMessages } from './use_messages.js';
import { Consent } from './words.js';

/** @typedef {Extract<NonNullable<import('../../generated/types').MessagesThreadQuery['node']>, { participant: string }>} Thread */

/** How often the thread is read without an event: who answers and consent may change without a message. Milliseconds. */
const READ_EVERY = 30_000;

/** @param {import('../../app.js').ViewProps} props */
export default function View({ parameters: [id = ''], session }) {
  const read = useQuery(MessagesThread, { id }, { byId: true });
  const node = read.data?.node;
  const thread = node && 'participant' in node ? node : null;
  const title = thread ? html`Messages with <${Party} value=${thread.participant} />` : 'Messages';
  const heading = useTitle(thread ? `Messages with ${thread.participant}` : 'Messages');
  useEvery(read.refetch, READ_EVERY);
  return html`
    <${ViewHead} title=${title} heading=${heading} back=${{ href: href('/messages') + lastSearch(), label: 'Messages' }} />
    <${Problem} read=${read} />
    ${!thread && read.loading && html`<${Loading} />`}
    ${read.data && !thread && !read.loading && html`<${Empty}>There are no such messages, or they belong to somebody else.</${Empty}>`}
    ${thread && html`<${Known} thread=${thread} refetch=${read.refetch} canChange=${session.role !== 'AGENT'} />`}`;
}

/** @param {{ thread: Thread, refetch: () => void, canChange: boolean }} props */
function Known({ thread, refetch, canChange }) {
  const shown = useMessages(thread.id, thread.messages);
  const reread = () => {
    refetch();
    recount();
  };
  const later = useThrottled(reread);
  useSubscription(
    MessagesOfThreadUpdated,
    { id: thread.id },
    ({ messageUpdated }) => {
      shown.replace(messageUpdated);
      later();
    },
    { onStart: refetch },
  );
  return html`
    <${WhoAnswers} thread=${thread} canChange=${canChange} onChanged=${reread} />
    <section class="card" aria-label="Messages">
      <${Conversation} ...${shown} />
      ${canChange && html`<${Answer} thread=${thread} onSent=${reread} />`}
    </section>
    <${About} thread=${thread} canChange=${canChange} onChanged=${reread} />`;
}

/** Why nothing can be sent; null if a text can. @param {Thread} thread */
function obstacleOf({ phoneNumber, participant, consent }) {
  if (phoneNumber?.status !== 'ACTIVE') return 'The number is not active, so nothing can be sent from it.';
  if (!phoneNumber.capabilities.sms) return 'This number cannot send texts.';
  if (!/^\+\d+$/.test(participant)) return 'Only telephone numbers can be texted, and this sender has none.';
  if (consent === 'OPTED_OUT')
    return `They asked for no more texts, so none is sent. They can text START to ${phoneNumber.number}; if they agreed otherwise, record it below.`;
  return null;
}

/** @param {{ thread: Thread, onSent: () => void }} props */
function Answer({ thread, onSent }) {
  const form = useForm({ body: '' });
  const [send, busy] = useSend(form, () => {
    form.reset({ body: '' });
    onSent();
  });
  const obstacle = obstacleOf(thread);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!busy && !obstacle && thread.phoneNumber) void send(thread.phoneNumber.id, thread.participant);
  };
  // A text that was begun stays in its field.
  const isShown = !obstacle || form.isDirty;
  return html`<form class="answer" onSubmit=${submit} novalidate>
    ${obstacle && html`<${Notice} kind="warning">${obstacle}</${Notice}>`}
    ${!obstacle && html`<${SendingProblem} number=${thread.phoneNumber} />`}
    ${isShown && html`<${TextBody} form=${form} label="Your answer" />`}
    <${FormErrors} form=${form} fields=${['body']} />
    ${isShown && html`<div class="actions"><${Button} kind="primary" type="submit" busy=${busy} disabled=${obstacle !== null}>Send</${Button}></div>`}
  </form>`;
}

/** @param {{ thread: Thread, canChange: boolean, onChanged: () => void }} props */
function About({ thread, canChange, onChanged }) {
  const { participant, phoneNumber, agent, consent, createdAt } = thread;
  return html`<${Section} title="About"><${Facts} items=${[
    ['With', html`<${Party} value=${participant} />`],
    [
      'Your number',
      phoneNumber
        ? html`<a class="phone" href=${href(`/numbers/${encodeURIComponent(phoneNumber.id)}`)}>${phoneNumber.number}</a>`
        : 'Released',
    ],
    [
      'Agent',
      agent ? html`<a href=${href(`/agents/${encodeURIComponent(agent.id)}`)}><bdi>${agent.name}</bdi></a>` : 'None',
    ],
    ['First message', dateTime(createdAt)],
    [
      'Consent to texts',
      html`<${Consent} value=${consent} /> ${canChange && phoneNumber && html`<${ConsentButton} thread=${thread} onChanged=${onChanged} />`}`,
    ],
  ]} /></${Section}>`;
}
