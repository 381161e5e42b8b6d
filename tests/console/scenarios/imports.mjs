// Numbers that an account holds already: what is set on them is shown before it is replaced, and put back afterwards.

import { until } from '../support/report.mjs';

export const name = 'imports';

const NUMBER = '+12015550142';
const FORMER = 'https://former.example.com/voice';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const tenant = server.tenant();
  const agent = await server.agent(tenant.token, { name: 'Harbour Dental', provisionPhone: false, areaCode: null });
  await server.sandboxed('numbers', { phone_number: NUMBER, voice_url: FORMER, friendly_name: 'Front desk' });
  const person = await stage.person();
  await person.opens(tenant.token, '/numbers/import');
  await person.sees(/connect it first/);
  stage.check(true, 'a tenant without an account of its own is told what to do');

  const operator = await stage.person();
  await operator.opens(server.token({ operator: true }), '/operator');
  await operator.types('User id', tenant.user);
  await operator.presses(/^Act for tenant/, operator.row(tenant.user.slice(0, 8)));
  await operator.presses('Act for it');
  await operator.heading('Now').waitFor();
  await operator.settled();
  await imports(stage, operator, agent.id);
  await restores(stage, operator);
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} agentId */
async function imports(stage, person, agentId) {
  const { server } = stage;
  await person.goesTo('Numbers');
  await person.link('Import a number').click();
  await person.heading('Import a number').waitFor();
  await person.settled();
  await person.types(/^Number/, '+12015550199');
  await person.presses('Import the number');
  await person.sees(/Choose the agent that answers the number’s calls/);
  await person.chooses('Agent', 'Harbour Dental');
  await person.presses('Import the number');
  await person.sees(/does not hold \+12015550199/);
  // The carrier is asked while the request waits, or afterwards.
  if (await person.button('Back to the form').isVisible()) await person.presses('Back to the form');
  stage.check(
    (await person.field(/^Number/).inputValue()) === '+12015550199',
    'a number that the account does not hold is refused, and what was typed is kept',
  );
  await person.types(/^Number/, NUMBER);
  await person.types('Label', 'Old line');
  await person.presses('Import the number');
  await person.sees(/is in use by another system/);
  stage.check(await person.has(new RegExp(FORMER)), 'a number in use says what is set on it');
  stage.check(/in use/.test(await person.focusIsKept()), 'and the focus is on that');
  const before = await atCarrier(server);
  stage.check(before?.settings?.voice_url === FORMER, 'and nothing is changed');
  await person.types(/^Number/, '+12015550143');
  await person.misses(/is in use by another system/);
  stage.check(
    (await person.button('Import the number').isVisible()) && !(await person.button(/^Replace the settings/).isVisible()),
    'the settings of one number are not replaced on another',
  );
  await person.types(/^Number/, NUMBER);
  await person.presses('Import the number');
  await person.sees(/is in use by another system/);
  await person.presses('Leave it as it is');
  await person.presses('Import the number');
  await person.sees(/is in use by another system/);
  await person.presses('Replace the settings and import');
  await person.sees(`${NUMBER} is imported, and its calls are answered here from now on.`);
  const call = await server.call({ to: NUMBER, duration_seconds: 5 });
  stage.check(JSON.stringify(call).includes('Harbour Dental'), `the number is taken over, and its agent answers (${agentId.slice(0, 5)}…)`);
  await person.link('Open the number').click();
  await person.heading(NUMBER).waitFor();
  await person.settled();
  stage.check(
    (await person.has('Imported: the carrier account held it before')) && (await person.has('Old line')) && (await person.has('The platform’s account')),
    'its page says where it comes from, and which account holds it',
  );
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function restores(stage, person) {
  stage.check((await person.page.getByRole('button', { name: /^Release/ }).count()) === 0, 'an imported number is given back, not released');
  await person.presses(`Give back: ${NUMBER}`);
  await person.dialog(/^Give back/).waitFor();
  await person.presses('Put the former settings back');
  await until('the settings are put back', () => person.has(/^Done$/));
  await person.presses('Close');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('The number is released. It takes no calls, and its calls stay on record.');
  const after = await atCarrier(stage.server);
  stage.check(after?.settings?.voice_url === FORMER, 'the former settings are put back');
  await person.visits('/trail');
  await person.sees('Restore a number’s former settings');
  stage.check(true, 'the trail has words for it');
}

/** The number as the emulated carrier has it. @param {import('../support/server.mjs').Server} server */
async function atCarrier(server) {
  const { numbers } = await server.sandboxes('state');
  return numbers.find((/** @type {any} */ number) => number.phone_number === NUMBER);
}
