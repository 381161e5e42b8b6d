// Usage and trail.

import { until } from '../support/report.mjs';

export const name = 'usage and trail';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const agent = await server.agent(token, { name: 'Elm Street Vets' });
  await server.call({ to: agent.phoneNumber.number, duration_seconds: 75 });
  await server.text({ to: agent.phoneNumber.number, from: '+13125550123', body: 'Are you open today?' });
  const person = await stage.person();
  await person.opens(token, '/usage');
  const tile = (/** @type {string} */ label) => person.page.locator('.tile').filter({ hasText: label }).first();
  stage.check((await tile('Calls').textContent())?.includes('1'), 'the month’s calls are counted');
  stage.check((await tile('Minutes').textContent())?.includes('2'), 'minutes are rounded up, call by call');
  stage.check((await tile('Messages').textContent()) === 'Messages1', 'messages are counted');
  stage.check(/\$1\.\d+/.test((await tile('Total').textContent()) ?? ''), 'the month’s cost is shown');
  const days = await person.saves(() => person.presses('Save as CSV'));
  const today = new Date().toISOString().slice(0, 10);
  stage.check(days.text.includes(`${today},1,2,`), 'days are saved as a file');
  await person.sees('By agent');
  stage.check(await person.row('Elm Street Vets').isVisible(), 'usage by agent and prices are listed');
  await person.page.getByText('Show as table').first().click();
  stage.check(
    await person.page
      .getByRole('region', { name: /as table/ })
      .first()
      .isVisible(),
    'a plot can be read as a table',
  );
  await person.presses(/^←/);
  await until('the month before', () => person.page.url().includes('month='));
  await person.sees('No calls in this month.');
  await person.presses(/→$/);
  await person.row('Elm Street Vets').waitFor();
  stage.check(true, 'one goes from month to month');
  await trail(stage, person);
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function trail(stage, person) {
  await person.goesTo('Trail');
  stage.check(await person.row('Create an agent').first().isVisible(), 'the trail shows what was done');
  await person.chooses('Action', 'Delete an agent');
  await person.sees('Nothing is recorded that matches.');
  await person.chooses('Action', 'Create an agent');
  await person.row('Create an agent').waitFor();
  await person.chooses('Outcome', 'Failed');
  await person.sees('Nothing is recorded that matches.');
  stage.check(
    /action=createAgent.*outcome=FAILED/.test(person.page.url()),
    'the trail is filtered, by filters in the address',
  );
}
