// Every view and dialog by the rules of accessibility, in light and dark, wide and narrow; screenshots of them.

import { until } from '../support/report.mjs';

export const name = 'looks';
const LOOKS = [
  { width: 1280, dark: false },
  { width: 1280, dark: true },
  { width: 360, dark: true },
  { width: 360, dark: false },
];

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const practice = await furnish(server);
  const person = await stage.person();
  /** @type {string[]} */
  const faults = [];
  let count = 0;
  const look = async (
    /** @type {string} */ title,
    /** @type {import('../support/person.mjs').Person} */ who = person,
  ) => {
    for (const how of LOOKS) {
      await who.looksAt(how);
      const kind = `${how.dark ? 'dark' : 'light'}-${how.width}`;
      const found = [...(await who.violations())];
      const overflow = await who.overflow();
      if (overflow > 0) found.push(`${overflow} px too wide: ${(await who.tooWide()).join(', ')}`);
      faults.push(...found.map((fault) => `${title}, ${kind}: ${fault}`));
      await stage.picture(who, `${title}-${kind}`);
      count += 1;
    }
    await who.looksAt({ width: 1280, dark: false });
  };

  const stranger = await stage.person();
  await stranger.page.goto(`${server.base}/console`);
  await stranger.field('Token').waitFor();
  await look('sign-in', stranger);
  await stranger.opens(server.tenant().token);
  await look('now-new', stranger);

  await person.opens(practice.token);
  await person.page.locator('.plot-area canvas').first().waitFor();
  if (stage.world.picture) await paint(stage, practice.token, stage.world.picture);
  await look('now');
  await inDialog(person, 'Place a test call', () => look('now-test-call'));
  for (const [title, path] of [
    ['agents', '/agents'],
    ['new-agent', '/agents/new'],
    ['numbers', '/numbers'],
    ['numbers-pool', '/numbers?pool=1'],
    ['number', `/numbers/${practice.number.id}`],
    ['number-pool', `/numbers/${practice.pooled.id}`],
    ['number-group', `/numbers/${practice.shared.id}`],
    ['groups', '/numbers/groups'],
    ['group', `/numbers/groups/${practice.group}`],
    ['group-new', '/numbers/groups/new'],
    ['kept', '/numbers/kept'],
    ['kept-number', `/numbers/kept/${practice.kept}`],
    ['accounts', '/numbers/accounts'],
    ['import', '/numbers/import'],
    ['calls', '/calls'],
    ['call', `/calls/${practice.call}`],
    ['messages', '/messages'],
    ['thread', `/messages/${practice.threads.open}`],
    ['thread-stopped', `/messages/${practice.threads.stopped}`],
    ['thread-failed', `/messages/${practice.threads.failed}`],
    ['usage', '/usage'],
    ['trail', '/trail'],
    ['nothing', '/nothing'],
  ]) {
    await person.visits(path ?? '');
    await look(title ?? '');
  }
  await person.visits('/numbers?buy=1');
  await person.dialog('Buy a number').getByRole('radio').first().waitFor();
  await look('numbers-buy');
  await person.visits('/numbers/kept?keep=1');
  await person.dialog('Keep a number').waitFor();
  await look('kept-keep');
  await person.visits(`/numbers/kept/${practice.kept}`);
  await inDialog(person, /^Announce a test call/, () => look('kept-test'));
  await inDialog(person, /^Request the port/, async () => {
    await person.presses('Request the port');
    await look('kept-port');
  });
  await person.visits('/numbers/accounts');
  await inDialog(person, 'Connect your own account', () => look('account-connect'));
  await person.visits(`/numbers/groups/${practice.group}`);
  await inDialog(person, /^Delete/, () => look('group-delete'));
  await person.visits('/numbers');
  await inDialog(person, /^Release:/, () => look('numbers-release'));
  await person.visits(`/numbers/${practice.billing.id}`);
  await inDialog(person, /^Assign to/, async () => {
    await person.presses('Assign the number');
    await look('number-assign-refused');
    await person.chooses('Assign to', 'Harbour Dental, emergencies');
    await look('number-assign');
    await person.chooses('Assign to', 'The pool: no agent');
    await look('number-assign-pool');
  });
  await inDialog(person, 'Change the label', () => look('number-label'));
  await inDialog(person, /^Make primary/, () => look('number-primary'));
  await person.visits('/messages');
  await inDialog(person, 'Write a message', () => look('message-new'));
  await person.visits(`/messages/${practice.threads.open}`);
  await person.types('Your answer', 'See you on Friday 🦷');
  await person.sees(/1 segment/);
  await look('thread-writing');
  await person.types('Your answer', '');
  await person.presses('Record consent…');
  await person.dialog().getByText('They agreed to texts').click();
  await look('thread-consent');
  await person.page.keyboard.press('Escape');
  await person.visits(`/agents/${practice.agent.id}`);
  await look('agent');
  await inDialog(person, /^Take one from the pool/, () => look('agent-take'));
  await inDialog(person, /^Pause/, () => look('agent-pause'));
  await inDialog(person, /^Create a new token/, () => look('agent-token'));
  await inDialog(person, /^Delete/, () => look('agent-delete'));

  const operator = await stage.person();
  await operator.opens(server.token({ operator: true }), '/operator');
  await look('operator', operator);
  for (const part of ['operations', 'reconciliation', 'health']) {
    await operator.visits(`/operator?part=${part}`);
    await look(`operator-${part}`, operator);
  }
  await operator.visits('/operator');
  await inDialog(operator, 'Add a tenant', () => look('operator-plan', operator));

  const expired = await stage.person();
  await expired.opens(server.token({ user: practice.user, seconds: 2 }));
  await expired.dialog('Sign in again').waitFor();
  await look('renewal', expired);

  stage.check(
    faults.length === 0,
    `accessibility and width: ${faults.length} faults in ${count} looks\n  ${faults.join('\n  ')}`.replace(
      /\n\s*$/,
      '',
    ),
  );
  for (const sid of practice.held) await server.hangUp(sid);
}

/**
 * The README's picture: a large window made small, so that the whole view is on it.
 * @param {import('../support/stage.mjs').Stage} stage
 * @param {string} token
 * @param {string} path
 */
async function paint(stage, token, path) {
  const person = await stage.person({ width: 1600, height: 1000, scale: 0.8 });
  await person.opens(token);
  await person.page.locator('.plot-area canvas').first().waitFor();
  await person.page.screenshot({ path });
}

/**
 * Looks at a dialog, and closes it.
 * @param {import('../support/person.mjs').Person} person
 * @param {string | RegExp} opener
 * @param {() => Promise<void>} look
 */
async function inDialog(person, opener, look) {
  await person.presses(opener);
  await person.dialog().waitFor();
  await person.settled();
  await look();
  await person.page.keyboard.press('Escape');
  await person.dialog().waitFor({ state: 'detached' });
}

/** A practice with a past: agents, numbers, weeks of calls, two callers on the line. @param {import('../support/server.mjs').Server} server */
async function furnish(server) {
  const tenant = server.tenant('reception@harbour-dental.example');
  const { token } = tenant;
  const agent = await server.agent(token, { name: 'Harbour Dental', areaCode: '212', fallbackNumber: '+12125550188' });
  const night = await server.agent(token, { name: 'Harbour Dental, emergencies', areaCode: '646' });
  await server.agent(token, { name: 'Zahnarzt am Hafen', language: 'de', provisionPhone: false, areaCode: null });
  for (const { phoneNumber } of [agent, night]) await server.call({ to: phoneNumber.number, duration_seconds: 80 });
  server.copyCalls(agent.phoneNumber.number, { count: 900, days: 40 });
  server.copyCalls(night.phoneNumber.number, { count: 120, days: 40 });
  await setRules(server, token, agent.phoneNumber.id);
  const billing = await oldNumber(server, token, { agentId: agent.id, label: 'Billing' });
  const shared = await oldNumber(server, token, { agentId: null, label: 'Front desk' });
  const group = await groupOf(server, token, [agent, night], shared.id);
  const kept = await keep(server, token, agent.id);
  const pooled = await oldNumber(server, token, { agentId: null, label: 'The practice before 2024 (moved)' });
  const held = [];
  for (const [to, from] of [
    [agent, '+12125550147'],
    [agent, '+16465550162'],
    [night, '+19175550113'],
  ])
    held.push((await server.call({ to: to.phoneNumber.number, from, hold: true })).call_sid);
  const threads = await correspond(server, token, agent.phoneNumber);
  const { calls } = await server.api(token, '{ calls(first: 9) { nodes { id status } } }');
  const call = calls.nodes.find((/** @type {{ status: string }} */ { status }) => status === 'COMPLETED');
  return { ...tenant, agent, number: agent.phoneNumber, billing, pooled, shared, group, kept, call: call.id, held, threads };
}

/**
 * A number that an agent had which is deleted now.
 * @param {import('../support/server.mjs').Server} server
 * @param {string} token
 * @param {{ agentId: string | null, label: string }} to
 */
async function oldNumber(server, token, to) {
  const { id, phoneNumber } = await server.agent(token, { name: 'Before', areaCode: '646' });
  const assign = 'mutation A($input: AssignPhoneNumberInput!) { assignPhoneNumber(input: $input) { userErrors { message } } }';
  await server.api(token, assign, { input: { id: phoneNumber.id, ...to } });
  const remove = 'mutation D($input: DeleteAgentInput!) { deleteAgent(input: $input) { userErrors { message } } }';
  await server.api(token, remove, { input: { id } });
  return phoneNumber;
}

/**
 * A call group that answers a number.
 * @param {import('../support/server.mjs').Server} server
 * @param {string} token
 * @param {{ id: string }[]} agents
 * @param {string} numberId
 */
async function groupOf(server, token, agents, numberId) {
  const members = agents.map(({ id }, at) => ({ agentId: id, weight: at + 1 }));
  const create =
    'mutation G($input: CreateCallGroupInput!) { createCallGroup(input: $input) { callGroup { id } userErrors { message } } }';
  const { createCallGroup } = await server.api(token, create, {
    input: { name: 'Front desk', strategy: 'WEIGHTED', members },
  });
  const { id } = createCallGroup.callGroup;
  const assign = 'mutation A($input: AssignPhoneNumberInput!) { assignPhoneNumber(input: $input) { userErrors { message } } }';
  await server.api(token, assign, { input: { id: numberId, callGroupId: id } });
  return id;
}

/**
 * A number of another carrier that is forwarded.
 * @param {import('../support/server.mjs').Server} server
 * @param {string} token
 * @param {string} agentId
 */
async function keep(server, token, agentId) {
  const query =
    'mutation K($input: KeepPhoneNumberInput!) { keepPhoneNumber(input: $input) { keptNumber { id } userErrors { message } } }';
  const { keepPhoneNumber } = await server.api(token, query, { input: { number: '+12025550143', agentId } });
  const { id } = keepPhoneNumber.keptNumber;
  const read = 'query K($id: ID!) { node(id: $id) { ... on KeptNumber { target { id } } } }';
  await until('the number to forward to', async () => (await server.api(token, read, { id })).node.target);
  return id;
}

/**
 * Texts: somebody is answered, somebody wants none, one is not delivered, and one waits for a person.
 * @param {import('../support/server.mjs').Server} server
 * @param {string} token
 * @param {{ id: string, number: string }} own
 */
async function correspond(server, token, { id, number }) {
  const [open, stopped, failed, waiting] = ['+12125550147', '+16465550162', '+19175550113', '+12125550199'];
  for (const [from, body] of [
    [open, 'Good morning! Do you have an appointment this week? I chipped a tooth.'],
    [stopped, 'STOP'],
    [failed, 'Where can I park?'],
    [waiting, 'Is the filling covered by my insurance?'],
  ])
    await server.text({ to: number, from: from ?? '', body: body ?? '' });
  await server.sandboxed('message-rules', { to: failed, outcome: 'undelivered', code: 30003, times: 1 });
  const send = 'mutation Send($input: SendMessageInput!) { sendMessage(input: $input) { userErrors { message } } }';
  await server.api(token, send, { input: { phoneNumberId: id, to: open, body: 'Friday at 10. Does that suit you?' } });
  await server.api(token, send, {
    input: { phoneNumberId: id, to: failed, body: 'Behind the house, free of charge.' },
  });
  const list = '{ messageThreads { nodes { id participant lastMessage { status } } } }';
  const nodes = await until('the texts are settled', async () => {
    const { messageThreads } = await server.api(token, list);
    const statuses = messageThreads.nodes.map((/** @type {any} */ { lastMessage }) => lastMessage.status);
    return statuses.includes('UNDELIVERED') && statuses.includes('DELIVERED') && messageThreads.nodes;
  });
  server.letWait(waiting);
  const idOf = (/** @type {string} */ who) =>
    nodes.find((/** @type {any} */ { participant }) => participant === who)?.id;
  return { open: idOf(open), stopped: idOf(stopped), failed: idOf(failed) };
}

/** @param {import('../support/server.mjs').Server} server @param {string} token @param {string} phoneNumberId */
function setRules(server, token, phoneNumberId) {
  const timeZone = 'America/New_York';
  const rules = [
    {
      name: 'Holidays',
      condition: { timeZone, dates: ['2027-01-01', '2027-12-25'] },
      action: { kind: 'MESSAGE', message: 'We are closed today. We are back tomorrow.' },
    },
    {
      name: 'Lunch',
      condition: { timeZone, days: ['MONDAY', 'TUESDAY'], from: '12:00', to: '13:00' },
      action: { kind: 'AGENT' },
    },
    {
      name: 'The laboratory',
      condition: { callers: ['+12125550111'] },
      action: { kind: 'FORWARD_THEN_AGENT', forwardTo: '+12125550188', ringSeconds: 20 },
    },
  ];
  const query =
    'mutation Rules($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) { userErrors { message } } }';
  return server.api(token, query, { input: { phoneNumberId, rules } });
}
