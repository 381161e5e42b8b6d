// Assigns a number to an agent or a call group, or puts it into the pool, after saying what callers get then.

import { useEffect } from 'preact/hooks';

import { CallGroupChoice } from '../../generated/operations.js';
import { useForm, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, Problem, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { fault, FormErrors, Select, unsent } from '../../ui/form.js';
import { inSentences } from '../../ui/progress.js';
import { AgentSearch, useAgents } from './use_agents.js';
import { useAssignment } from './use_assignment.js';
import { POOL_WORDS } from './words.js';

/** @typedef {Pick<import('../../generated/types').NumberRowFragment, 'id' | 'number' | 'agent' | 'callGroup' | 'primary'>} HeldNumber */
/** @typedef {import('../../generated/types').NumbersAgentFragment} Agent */

/** @typedef {{ id: string, name: string }} Group */

/** The choice of no agent. */
const POOL = 'pool';
/** The choice of a call group: this, then its id. */
const GROUP = 'group:';

/** @param {{ number: HeldNumber, onChanged: () => void, onClose: () => void }} props */
export function Assign({ number, onChanged, onClose }) {
  const form = useForm({ to: '' });
  const [assign, busy] = useAssignment();
  const { to } = form.values;
  const groups = useQuery(CallGroupChoice, {}).data?.callGroups.nodes ?? [];
  const group = groups.find(({ id }) => to === GROUP + id);
  const agents = useAgents(to === POOL || to.startsWith(GROUP) ? '' : to);
  const chosen = agents.known.find(({ id }) => id === to);
  const present = number.agent?.id ?? (number.callGroup ? GROUP + number.callGroup.id : POOL);
  useEffect(() => {
    // Somebody else has done meanwhile what was chosen here.
    if (to === present) form.set('to', '');
  }, [to, present]);
  useEffect(() => {
    // What was refused is not any more, once something else is chosen.
    if (to !== '') form.settle(unsent());
  }, [to]);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    if (to === '') {
      const message = 'Choose the agent that answers calls to the number, a call group, or the pool.';
      form.settle(unsent(fault('agentId', message)));
      return;
    }
    const result = await assign(
      number,
      to.startsWith(GROUP) ? { group: to.slice(GROUP.length) } : { to: to === POOL ? null : to },
    );
    form.settle(inSentences(result));
    // Also after a refusal: it may have another agent by now.
    onChanged();
    if (!result.ok) return;
    form.reset({ to: '' });
    const assigned = result.data?.assignPhoneNumber?.phoneNumber;
    const name = assigned?.agent?.name ?? assigned?.callGroup?.name;
    say(name ? `The next call to ${number.number} goes to ${name}.` : `${number.number} is in the pool.`);
    onClose();
  };

  return html`<${Dialog} title=${`Assign ${number.number}`} onClose=${busy ? undefined : onClose}>
    <p>Now <${Present} number=${number} /></p>
    <form onSubmit=${submit} novalidate>
      <${Choice} form=${form} agents=${agents} groups=${groups} present=${present} />
      <div role="status">
        ${chosen && html`<${NextCall} agent=${chosen} number=${number} />`}
        ${group && html`<${NextCallOfGroup} group=${group} number=${number} />`}
        ${to === POOL && html`<${Notice}><p>Calls under way go on. From the next call on, no agent answers.</p><p>${POOL_WORDS}</p></${Notice}>`}
      </div>
      <${FormErrors} form=${form} fields=${['agentId']} />
      <div class="actions end">
        <${Button} onClick=${onClose} disabled=${busy}>Cancel</${Button}>
        <${Button} type="submit" kind="primary" busy=${busy}>${to === POOL ? 'Put it into the pool' : 'Assign the number'}</${Button}>
      </div>
    </form>
  </${Dialog}>`;
}

/** Who answers the number's calls now. @param {{ number: HeldNumber }} props */
function Present({ number: { agent, callGroup } }) {
  if (agent) return html`<b><bdi>${agent.name}</bdi></b> answers its calls.`;
  if (callGroup) return html`the call group <b><bdi>${callGroup.name}</bdi></b> answers its calls.`;
  return 'it is in the pool: no agent answers its calls.';
}

/** @param {{ form: import('../../ui/form.js').Form, agents: ReturnType<typeof useAgents>, groups: Group[], present: string }} props */
function Choice({ form, agents, groups, present }) {
  const { known, search, read } = agents;
  const others = known.filter(({ id }) => id !== present);
  const otherGroups = groups.filter(({ id }) => GROUP + id !== present);
  const none = read.data ? 'There is no other agent.' : 'Loading the agents…';
  return html`
    <${Problem} read=${read} />
    <${AgentSearch} agents=${agents} />
    <${Select} form=${form} name="to" field="agentId" label="Assign to" required options=${[
      ['', others.length > 0 ? 'Choose an agent, a call group or the pool' : 'Choose'],
      ...(present === POOL ? [] : [[POOL, 'The pool: no agent']]),
      ...others.map(({ id, name }) => [id, name]),
      ...otherGroups.map(({ id, name }) => [GROUP + id, `Call group: \u2068${name}\u2069`]),
    ]} hint=${others.length === 0 && search === '' && !read.problem ? none : undefined} />`;
}

/** @param {{ group: Group, number: HeldNumber }} props */
function NextCallOfGroup({ group, number }) {
  return html`<${Notice}>
    <p>The agents of <bdi>${group.name}</bdi> answer the next call to ${number.number}. Calls under way go on, and past calls stay with the agents that took them.</p>
    <p>Texts to it are stored, and no agent answers them. The number keeps its label, its routing rules and its price.${number.primary && number.agent && html` It is no longer the primary number of <bdi>${number.agent.name}</bdi>.`}</p>
  </${Notice}>`;
}

/** @param {{ agent: Agent, number: HeldNumber }} props */
function NextCall({ agent, number }) {
  const isPaused = agent.status === 'INACTIVE';
  return html`<${Notice} kind=${isPaused ? 'warning' : 'info'}>
    <p>The next call and the next text to ${number.number} go to <bdi>${agent.name}</bdi>. Calls under way go on, and past calls stay with the agents that took them.</p>
    <p>The number keeps its label, its routing rules and its price.${number.primary && number.agent && html` It is no longer the primary number of <bdi>${number.agent.name}</bdi>.`}</p>
    ${isPaused && html`<p>This agent is paused: it takes no calls until it is resumed.</p>`}
  </${Notice}>`;
}
