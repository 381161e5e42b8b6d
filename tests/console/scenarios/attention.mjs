// Now says what needs attention, and leads to what mends it.

import { until } from '../support/report.mjs';

export const name = 'needs attention';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const server = await stage.ownServer({ OPERATION_WAIT: '0s' });
  const { token } = server.tenant();
  const agent = await server.agent(token, { name: 'Lakeside Physio', provisionPhone: false, areaCode: null });
  const person = await stage.person({ server });
  await fails(server, token, agent.id);
  await person.opens(token);
  await person.sees('No number could be bought for');
  stage.check(
    await person.has(/has no active number, so nobody can call it/),
    'a failed purchase and an agent without a number are told',
  );
  await person.link(/^Buy a number/).click();
  await person.dialog('Buy a number').waitFor();
  const chosen = person.field(/^Agent/);
  await until('the agent is chosen', async () => (await chosen.inputValue()) === agent.id);
  stage.check(true, 'the action leads to the form, with the agent chosen');
  await person.page.keyboard.press('Escape');
  await person.dialog().waitFor({ state: 'detached' });
  await person.goesTo('Now');
  await person.presses(/^Hide/);
  await person.misses('No number could be bought for');
  stage.check(await person.focusIsKept(), 'what is taken care of can be hidden');
  await person.page.reload();
  await person.settled();
  stage.check(!(await person.has('No number could be bought for')), 'and stays hidden');
}

/** A purchase that the carrier refuses. @param {import('../support/server.mjs').Server} server @param {string} token @param {string} agentId */
async function fails(server, token, agentId) {
  await server.fault({
    match: { provider: 'twilio', method: 'POST', path_contains: 'IncomingPhoneNumbers' },
    action: { status: 400, code: 21452 },
  });
  const query =
    'mutation Buy($input: ProvisionPhoneNumberInput!) { provisionPhoneNumber(input: $input) { operation { id } } }';
  await server.api(token, query, { input: { agentId, areaCode: '212' } });
  await until('the purchase failed', async () => {
    const { operations } = await server.api(token, '{ operations(filter: { state: FAILED }) { totalCount } }');
    return operations.totalCount > 0;
  });
}
