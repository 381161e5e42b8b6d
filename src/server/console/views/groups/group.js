// One call group: its agents, its numbers; or a new one.

import { useState } from 'preact/hooks';

import { CallGroup, CallGroupDelete } from '../../generated/operations.js';
import { useMutation, useQuery, useTitle } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Button, Empty, Loading, Notice, Problem, say, Section, ViewHead } from '../../ui/basic.js';
import { Confirm } from '../../ui/dialog.js';
import { Refused } from '../../ui/refused.js';
import { State } from '../../ui/words.js';
import { NOT_FOR_AGENTS } from '../numbers/tabs.js';
import { GroupForm } from './form.js';

/** @typedef {Extract<NonNullable<import('../../generated/types').CallGroupQuery['node']>, { members: unknown }>} Group */

/** The part of the address that stands for a group to create. */
const NEW = 'new';

/** @param {import('../../app.js').ViewProps} props */
export default function View({ parameters, session }) {
  const id = parameters[0] ?? '';
  const isNew = id === NEW;
  const canChange = session.role !== 'AGENT';
  const read = useQuery(CallGroup, { id }, { pause: isNew || !canChange, byId: true });
  const node = read.data?.node;
  const group = node && 'members' in node ? node : null;
  const title = isNew ? 'Create a call group' : (group?.name ?? 'Call group');
  const heading = useTitle(title);
  const all = html`<a class="button" href=${router.href('/numbers/groups')}>To the call groups</a>`;
  return html`
    <${ViewHead} title=${title} heading=${heading} back=${{ href: router.href('/numbers/groups'), label: 'Call groups' }}>
      ${group && html`<${DeleteGroup} group=${group} />`}
    </${ViewHead}>
    <${Problem} read=${read} />
    ${!canChange && html`<${Empty}>${NOT_FOR_AGENTS}</${Empty}>`}
    ${canChange && !isNew && !group && read.loading && html`<${Loading} />`}
    ${read.data && !group && html`<${Empty} action=${all}>You have no such call group.</${Empty}>`}
    ${canChange && isNew && html`<${Section} title="The group"><${GroupForm} group=${null} onSaved=${created} /></${Section}>`}
    ${group && html`<${Details} key=${group.id} group=${group} onRead=${read.refetch} />`}`;
}

/** @param {{ id: string, name: string }} group */
function created({ id, name }) {
  say(`The call group ${name} is created. Give it a number next.`);
  router.navigate(`/numbers/groups/${encodeURIComponent(id)}`, { replace: true });
}

/** @param {{ group: Group, onRead: () => void }} props `onRead`: read the group again */
function Details({ group, onRead }) {
  const isAnyReady = group.members.some(({ agent }) => agent.status === 'ACTIVE');
  return html`
    ${group.members.length === 0 && html`<${Notice} kind="warning">This group has no agents any more, so its numbers are answered as in the pool. Add an agent.</${Notice}>`}
    ${group.members.length > 0 && !isAnyReady && html`<${Notice} kind="warning">No agent of this group takes calls at present: they are paused, or being created.</${Notice}>`}
    <${Numbers} group=${group} />
    <${Section} title="The group"><${GroupForm} group=${group} onOutdated=${onRead} onSaved=${() => {
      say('The call group is saved. It applies from the next call.');
      onRead();
    }} /></${Section}>`;
}

/** @param {{ group: Group }} props */
function Numbers({ group: { phoneNumbers } }) {
  const { nodes, pageInfo } = phoneNumbers;
  const choose = html`<a class="button" href=${router.href('/numbers')}>Show your numbers</a>`;
  return html`<${Section} title="Its numbers">
    ${nodes.length === 0 && html`<${Empty} action=${choose}>No number is assigned to this group, so nobody can call it. Open a number, press “Assign to…” and choose this group.</${Empty}>`}
    ${
      nodes.length > 0 &&
      html`<ul class="plain rows">${nodes.map(
        ({ id, number, label, status }) => html`<li key=${id}>
        <a class="num" href=${router.href(`/numbers/${encodeURIComponent(id)}`)}>${number}</a>
        ${label && html`<bdi class="label">${label}</bdi>`} <${State} value=${status} /></li>`,
      )}</ul>
      <p class="hint">“Try it” on a number’s page shows what would happen to a call now.</p>`
    }
    ${pageInfo.hasNextPage && html`<p class="hint">These are the newest.</p>`}
  </${Section}>`;
}

/** @param {{ group: Group }} props */
function DeleteGroup({ group }) {
  const [isOpen, setOpen] = useState(false);
  const [remove, busy] = useMutation(CallGroupDelete);
  const [changed, setChanged] = useState(/** @type {import('../../lib/hooks.js').Changed<any> | null} */ (null));
  const confirm = async () => {
    const result = await remove({ input: { id: group.id } });
    setChanged(result);
    if (!result.ok) return;
    setOpen(false);
    say(`The call group ${group.name} is deleted.`);
    router.navigate('/numbers/groups', { replace: true });
  };
  const count = group.phoneNumbers.nodes.length;
  return html`<${Button} kind="danger" onClick=${() => setOpen(true)}>Delete…</${Button}>
    ${
      isOpen &&
      html`<${Confirm} title="Delete the call group?" action="Delete the call group" danger busy=${busy} onConfirm=${confirm} onClose=${() => setOpen(false)} problem=${html`<${Refused} changed=${changed} />`}>
      <p>${count > 0 ? 'Its numbers go to the pool, where no agent answers them until you assign them again.' : 'No number is assigned to it.'} Its agents stay, and calls under way go on.</p>
    </${Confirm}>`
    }`;
}
