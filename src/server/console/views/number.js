// One phone number: what it is, who answers it and when, and its latest calls.

import { useState } from 'preact/hooks';

import { Number as NumberQuery } from '../generated/operations.js';
import { dateTime, money } from '../lib/format.js';
import { useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Copy, Empty, Facts, Loading, Notice, Problem, Section, ViewHead } from '../ui/basic.js';
import { State } from '../ui/words.js';
import { RecentCalls } from './number/calls.js';
import { RulesEditor } from './number/editor.js';
import { TryIt } from './number/try.js';
import { useRules } from './number/use_rules.js';
import { NumberActions } from './numbers/actions.js';
import { placeOf, TYPES } from './numbers/words.js';

/** @typedef {NonNullable<import('../generated/types').NumberQuery['phoneNumber']>} PhoneNumber */

/** What a state means for callers, and what to do. @type {Record<string, ['info' | 'warning', string]>} */
const REMARKS = {
  PENDING: ['info', 'The number is being bought. It takes calls as soon as it is active.'],
  INACTIVE: [
    'warning',
    'The carrier does not have this number, so calls do not arrive. Repair it; if that does not help, release it and buy another.',
  ],
  RELEASING: [
    'warning',
    'The number is being released. It takes calls until the grace period ends; “Keep it” undoes the release until then.',
  ],
  RELEASED: ['info', 'The number is released. It takes no calls, and its calls stay on record.'],
};

/** @param {import('../app.js').ViewProps} props */
export default function View({ parameters }) {
  const id = parameters[0] ?? '';
  const read = useQuery(NumberQuery, { id }, { byId: true });
  const number = read.data?.phoneNumber;
  const heading = useTitle(number?.number ?? 'Number');
  return html`
    <${ViewHead} title=${number?.number ?? 'Number'} heading=${heading} back=${{ href: router.href('/numbers'), label: 'Numbers' }}>
      ${number && html`<${NumberActions} number=${number} onChanged=${read.refetch} />`}
    </${ViewHead}>
    <${Problem} read=${read} />
    ${!number && read.loading && html`<${Loading} />`}
    ${read.data && !number && html`<${Empty} action=${html`<a class="button" href=${router.href('/numbers')}>To the numbers</a>`}>You have no such number.</${Empty}>`}
    ${number && html`<${Details} number=${number} />`}`;
}

/** @param {{ number: PhoneNumber }} props */
function Details({ number }) {
  const { id, status } = number;
  const rules = useRules(number);
  const [matched, setMatched] = useState(/** @type {string | null} */ (null));
  const takesCalls = status === 'ACTIVE' || status === 'RELEASING' || status === 'INACTIVE';
  const remark = REMARKS[status];
  return html`
    ${remark && html`<${Notice} kind=${remark[0]}>${remark[1]}</${Notice}>`}
    <${NumberFacts} number=${number} />
    <${RulesEditor} rules=${rules} matched=${rules.isDirty ? null : matched} canEdit=${status !== 'RELEASED'} />
    ${takesCalls && html`<${TryIt} number=${number.number} isDirty=${rules.isDirty} onDecision=${setMatched} />`}
    <${RecentCalls} id=${id} isHeld=${takesCalls} />`;
}

/** @param {{ number: PhoneNumber }} props */
function NumberFacts({ number }) {
  const { id, status, agent, type, friendlyName, sid, capabilities, monthlyCost, provisionedAt, releasedAt } = number;
  const can = [
    capabilities.voice && 'Calls',
    capabilities.sms && 'Text messages',
    capabilities.mms && 'Picture messages',
  ];
  return html`<${Section} title="About this number"><${Facts} items=${[
    ['State', html`<${State} value=${status} />`],
    ['Agent', agent ? html`<a href=${router.href(`/agents/${agent.id}`)}><bdi>${agent.name}</bdi></a>` : 'None'],
    friendlyName !== number.number && ['Written', friendlyName],
    ['Kind', TYPES[type] ?? type],
    ['Place', placeOf(number)],
    capabilities.sms && [
      'Texts',
      html`<a href=${`${router.href('/messages')}?number=${encodeURIComponent(id)}`}>Show its messages</a>`,
    ],
    ['Can take', can.filter(Boolean).join(', ') || 'Nothing'],
    ['Price', `${money(monthlyCost)} a month`],
    ['Bought', dateTime(provisionedAt)],
    releasedAt && ['Released', dateTime(releasedAt)],
    sid && ['Id at the carrier', html`<code>${sid}</code> <${Copy} text=${sid} />`],
  ]} /></${Section}>`;
}
