// Assigns a number to an agent, or puts it into the pool, after saying what callers get then.

import { useEffect } from 'preact/hooks';

import { useForm } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import { Button, Notice, Problem, say } from '../../ui/basic.js';
import { Dialog } from '../../ui/dialog.js';
import { Filter, FormErrors, Select } from '../../ui/form.js';
import { sentence } from '../../ui/progress.js';
import { useAgents } from './use_agents.js';
import { useAssignment } from './use_assignment.js';
import { POOL_WORDS } from './words.js';

/** @typedef {Pick<import('../../generated/types').NumberRowFragment, 'id' | 'number' | 'agent' | 'primary'>} HeldNumber */
/** @typedef {import('../../generated/types').NumbersAgentFragment} Agent */

/** The choice of no agent. */
const POOL = 'pool';

/** @param {{ number: HeldNumber, onChanged: () => void, onClose: () => void }} props */
export function Assign({ number, onChanged, onClose }) {
  const form = useForm({ to: '' });
  const [assign, busy] = useAssignment();
  const { to } = form.values;
  const agents = useAgents(to === POOL ? '' : to);
  const chosen = agents.known.find(({ id }) => id === to);
  const present = number.agent?.id ?? POOL;
  useEffect(() => {
    // Somebody else has done meanwhile what was chosen here.
    if (to === present) form.set('to', '');
  }, [to, present]);
  useEffect(() => {
    // What was refused is not any more, once something else is chosen.
    if (to !== '') form.settle({ data: undefined, userErrors: [], problem: null, ok: false });
  }, [to]);

  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (busy) return;
    if (to === '') {
      const message = 'Choose the agent that answers calls to the number, or the pool.';
      form.settle({
        data: undefined,
        problem: null,
        ok: false,
        userErrors: [{ code: 'INVALID_INPUT', message, field: ['input', 'agentId'] }],
      });
      return;
    }
    const result = await assign(number, { to: to === POOL ? null : to });
    form.settle({
      ...result,
      userErrors: result.userErrors.map((error) => ({ ...error, message: sentence(error.message) })),
    });
    // Also after a refusal: it may have another agent by now.
    onChanged();
    if (!result.ok) return;
    form.reset({ to: '' });
    const name = result.data?.assignPhoneNumber?.phoneNumber?.agent?.name;
    say(name ? `The next call to ${number.number} goes to ${name}.` : `${number.number} is in the pool.`);
    onClose();
  };

  return html`<${Dialog} title=${`Assign ${number.number}`} onClose=${busy ? undefined : onClose}>
    <p>Now ${number.agent ? html`<b><bdi>${number.agent.name}</bdi></b> answers its calls.` : 'it is in the pool: no agent answers its calls.'}</p>
    <form onSubmit=${submit} novalidate>
      <${Choice} form=${form} agents=${agents} present=${present} />
      <div role="status">
        ${chosen && html`<${NextCall} agent=${chosen} number=${number} />`}
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

/** @param {{ form: import('../../ui/form.js').Form, agents: ReturnType<typeof useAgents>, present: string }} props */
function Choice({ form, agents, present }) {
  const { known, isMany, search, setSearch, read } = agents;
  const others = known.filter(({ id }) => id !== present);
  const none = read.data ? 'There is no other agent.' : 'Loading the agents…';
  return html`
    <${Problem} read=${read} />
    ${isMany && html`<${Filter} label="Find an agent" value=${search} onChange=${setSearch} placeholder="Part of the name" maxlength="100" />`}
    <${Select} form=${form} name="to" field="agentId" label="Assign to" required options=${[
      ['', others.length > 0 ? 'Choose an agent or the pool' : 'Choose'],
      ...(present === POOL ? [] : [[POOL, 'The pool: no agent']]),
      ...others.map(({ id, name }) => [id, name]),
    ]} hint=${others.length === 0 && search === '' && !read.problem ? none : undefined} />`;
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
