// Names and callers that are written to break pages.

export const name = 'hostile names';

export const NAMES = [
  '<img src=x onerror="window.ran=1"><script>window.ran=1</script>',
  'javascript:window.ran=1//"onmouseover="window.ran=1',
  '\u202Egnp.eciovni\u202C \u2067שלום עולם',
  '👩🏽‍⚕️🦷🏥 Zahnärzte ąćęł 診療所',
  `${'W'.repeat(99)}!`,
];
const CALLERS = [
  'sip:<svg/onload=window.ran=1>@example.com',
  `sip:${'w'.repeat(180)}@example.com`,
  'sip:\u202Emoc.elpmaxe',
];
const WIDTH = 360;

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const agents = [];
  for (const name of NAMES)
    agents.push(
      await server.agent(token, {
        name,
        provisionPhone: agents.length < 2,
        areaCode: agents.length < 2 ? '212' : null,
      }),
    );
  const [first, second] = agents;
  const to = first.phoneNumber.number;
  const sids = [];
  for (const from of CALLERS) sids.push((await server.call({ to, from, hold: true })).call_sid);
  await rules(server, token, first.phoneNumber.id);
  await server.call({ to: second.phoneNumber.number, from: CALLERS[0], duration_seconds: 5 });
  const { calls } = await server.api(token, '{ calls(first: 4) { nodes { id } } }');
  for (const from of CALLERS) for (const body of NAMES) await server.text({ to, from, body });
  const { messageThreads } = await server.api(token, '{ messageThreads { nodes { id } } }');

  const person = await stage.person({ width: WIDTH });
  await person.opens(token);
  const paths = [
    '',
    '/agents',
    '/agents/new',
    ...agents.map(({ id }) => `/agents/${id}`),
    '/numbers',
    `/numbers/${first.phoneNumber.id}`,
    '/numbers?buy=1',
    '/calls',
    ...calls.nodes.map((/** @type {{ id: string }} */ { id }) => `/calls/${id}`),
    '/messages',
    ...messageThreads.nodes.map((/** @type {{ id: string }} */ { id }) => `/messages/${id}`),
    '/messages?new=1',
    '/usage',
    '/trail',
  ];
  const wide = [];
  for (const path of paths) {
    await person.visits(path);
    const overflow = await person.overflow();
    if (overflow > 0)
      wide.push(`/console${path.replace(/_.*/, '_…')} by ${overflow} px (${(await person.tooWide()).join(', ')})`);
    if (await person.page.evaluate(() => 'ran' in window)) stage.check(false, `nothing of a name runs on ${path}`);
  }
  stage.check(true, 'nothing of a name runs on any view');
  stage.check(wide.length === 0, `no view is wider than ${WIDTH} px ${wide.join('; ')}`.trim());
  await person.visits(`/agents/${first.id}`);
  stage.check((await person.heading(/img/).textContent()) === NAMES[0], 'markup is shown as it was written');
  await person.visits('/calls');
  stage.check(
    (await person.page
      .getByText(CALLERS[0] ?? '')
      .first()
      .textContent()) === CALLERS[0],
    'a caller’s address is shown as it was sent',
  );
  await person.visits(`/messages/${messageThreads.nodes.at(-1)?.id}`);
  stage.check(
    (await person.page.locator('.dialogue p').first().textContent()) === NAMES[0],
    'a text is shown as it was sent',
  );
  const title = await person.page.title();
  stage.check(!title.includes('<script'), 'titles are plain');
  for (const sid of sids) await server.hangUp(sid);
}

/** @param {import('../support/server.mjs').Server} server @param {string} token @param {string} id */
function rules(server, token, id) {
  const rules_ = NAMES.slice(0, 4).map((name, at) => ({
    name,
    condition: { callers: [`+1212555${1000 + at}`] },
    action: { kind: 'MESSAGE', message: name },
  }));
  const query =
    'mutation Rules($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) { userErrors { message } } }';
  return server.api(token, query, { input: { phoneNumberId: id, rules: rules_ } });
}
