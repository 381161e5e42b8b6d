// One phone number: what it is, who answers it and when, and its latest calls.

import { useState } from 'preact/hooks';

import { Number as NumberQuery } from '../generated/operations.js';
import { dateTime, money, words } from '../lib/format.js';
import { useKeptFocus, useQuery, useTitle } from '../lib/hooks.js';
import { html } from '../lib/html.js';
import * as router from '../lib/router.js';
import { Badge, Button, Copy, Empty, Facts, Loading, Notice, Problem, Section, ViewHead } from '../ui/basic.js';
import { State } from '../ui/words.js';
import { RecentCalls } from './number/calls.js';
import { RulesEditor } from './number/editor.js';
import { Sending } from './number/texts.js';
import { TryIt } from './number/try.js';
import { useRules } from './number/use_rules.js';
import { NumberActions, NumberDialog } from './numbers/actions.js';
import { LabelDialog } from './numbers/label.js';
import { MoveButton } from './numbers/move.js';
import { AccountTrouble, AccountWords } from './accounts/words.js';
import { isPooled, isSettled, ORIGINS, placeOf, TYPES } from './numbers/words.js';

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
export default function View({ parameters, session }) {
  const id = parameters[0] ?? '';
  const read = useQuery(NumberQuery, { id }, { byId: true });
  const number = read.data?.phoneNumber;
  const canChange = session.role !== 'AGENT';
  const [opened, setOpened] = useState(/** @type {import('./numbers/actions.js').Opened | null} */ (null));
  const heading = useTitle(number?.number ?? 'Number');
  useKeptFocus();
  return html`
    <${ViewHead} title=${number?.number ?? 'Number'} heading=${heading} back=${{ href: router.href('/numbers'), label: 'Numbers' }}>
      ${number && canChange && html`<${NumberActions} number=${number} onOpen=${setOpened} />`}
    </${ViewHead}>
    <${Problem} read=${read} />
    ${!number && read.loading && html`<${Loading} />`}
    ${read.data && !number && html`<${Empty} action=${html`<a class="button" href=${router.href('/numbers')}>To the numbers</a>`}>You have no such number.</${Empty}>`}
    ${number && html`<${Details} number=${number} canChange=${canChange} onChanged=${read.refetch} />`}
    ${opened && html`<${NumberDialog} opened=${opened} onChanged=${read.refetch} onClose=${() => setOpened(null)} />`}`;
}

/** @param {{ number: PhoneNumber, canChange: boolean, onChanged: () => void }} props */
function Details({ number, canChange, onChanged }) {
  const { id, status } = number;
  const rules = useRules(number);
  const [matched, setMatched] = useState(/** @type {string | null} */ (null));
  const takesCalls = status === 'ACTIVE' || status === 'RELEASING' || status === 'INACTIVE';
  const remark = REMARKS[status];
  return html`
    ${remark && html`<${Notice} kind=${remark[0]}>${remark[1]}</${Notice}>`}
    ${isPooled(number) && html`<${InPool} number=${number} />`}
    ${number.carrierAccount && status !== 'RELEASED' && html`<${AccountTrouble} account=${number.carrierAccount} />`}
    <${NumberFacts} number=${number} canChange=${canChange && isSettled(number)} onChanged=${onChanged} />
    <${RulesEditor} rules=${rules} taker=${takerOf(number)} matched=${rules.isDirty ? null : matched} canEdit=${status !== 'RELEASED'} />
    ${takesCalls && html`<${TryIt} number=${number.number} isDirty=${rules.isDirty} onDecision=${setMatched} />`}
    <${RecentCalls} id=${id} isHeld=${takesCalls} />`;
}

/** Who answers the calls that no rule sends elsewhere. @param {PhoneNumber} number */
function takerOf({ agent, callGroup }) {
  if (agent) return 'the agent';
  return callGroup && 'an agent of the call group';
}

/** What a call to a number in the pool gets. @param {{ number: PhoneNumber }} props */
function InPool({ number }) {
  const calls =
    number.routingRules.length > 0
      ? 'Its routing rules answer calls. Callers for whom no rule decides hear that nobody can take the call.'
      : 'Callers hear that nobody can take the call, unless you add a routing rule that forwards it or plays a message.';
  return html`<${Notice} kind="warning"><p>The number is in the pool, so no agent answers it. ${calls}</p>
    <p>Texts to it are stored, and it costs the same.</p></${Notice}>`;
}

/** @param {{ number: PhoneNumber, canChange: boolean, onChanged: () => void }} props */
function NumberFacts({ number, canChange, onChanged }) {
  const {
    id,
    status,
    label,
    origin,
    carrierAccount,
    type,
    friendlyName,
    sid,
    capabilities,
    monthlyCost,
    provisionedAt,
    releasedAt,
  } = number;
  const can = [
    capabilities.voice && 'Calls',
    capabilities.sms && 'Text messages',
    capabilities.mms && 'Picture messages',
  ];
  return html`<${Section} title="About this number"><${Facts} items=${[
    ['State', html`<${State} value=${status} />`],
    [number.callGroup ? 'Call group' : 'Agent', html`<${Holder} number=${number} />`],
    [
      'Label',
      html`<bdi>${label ?? 'None'}</bdi> ${canChange && html`<${LabelButton} number=${number} onChanged=${onChanged} />`}`,
    ],
    friendlyName !== number.number && ['Written', friendlyName],
    ['Kind', TYPES[type] ?? type],
    ['Place', placeOf(number)],
    capabilities.sms && [
      'Texts',
      html`<${Sending} number=${number} /> <a href=${`${router.href('/messages')}?number=${encodeURIComponent(id)}`}>Show its messages</a>`,
    ],
    ['Can take', can.filter(Boolean).join(', ') || 'Nothing'],
    ['Price', `${money(monthlyCost)} a month`],
    ['Origin', ORIGINS[origin]?.[0] ?? words(origin)],
    carrierAccount && [
      'Carrier account',
      html`<${AccountWords} account=${carrierAccount} /> ${canChange && html`<${MoveButton} number=${number} onChanged=${onChanged} />`}`,
    ],
    [ORIGINS[origin]?.[1] ?? 'Since', dateTime(provisionedAt)],
    releasedAt && ['Released', dateTime(releasedAt)],
    sid && ['Id at the carrier', html`<code>${sid}</code> <${Copy} text=${sid} />`],
  ]} /></${Section}>`;
}

/** Who answers the number's calls. @param {{ number: PhoneNumber }} props */
function Holder({ number }) {
  const { agent, callGroup, primary } = number;
  if (agent)
    return html`<a href=${router.href(`/agents/${agent.id}`)}><bdi>${agent.name}</bdi></a>${primary && html` <${Badge} tone="good">Primary number</${Badge}>`}`;
  if (callGroup)
    return html`<a href=${router.href(`/numbers/groups/${callGroup.id}`)}><bdi>${callGroup.name}</bdi></a>`;
  return isPooled(number) ? 'None: in the pool' : 'None';
}

/** @param {{ number: PhoneNumber, onChanged: () => void }} props */
function LabelButton({ number, onChanged }) {
  const [isOpen, setOpen] = useState(false);
  const words = number.label === null ? 'Add a label' : 'Change the label';
  return html`<${Button} kind="quiet" label=${words} onClick=${() => setOpen(true)}>${number.label === null ? 'Add…' : 'Change…'}</${Button}>
    ${isOpen && html`<${LabelDialog} number=${number} onChanged=${onChanged} onClose=${() => setOpen(false)} />`}`;
}
