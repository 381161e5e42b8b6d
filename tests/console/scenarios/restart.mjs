// The server stops and starts again while people look and type.

export const name = 'restarting server';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const server = await stage.ownServer({ RATE_LIMIT_PER_MINUTE: '0' });
  const { token } = server.tenant();
  const agent = await server.agent(token);
  await server.call({ to: agent.phoneNumber.number, from: '+13125550177', hold: true });
  const watcher = await stage.person({ server });
  await watcher.opens(token);
  await watcher
    .row('+13125550177')
    .getByText(/Put through|In progress/)
    .waitFor();
  const writer = await stage.tab(watcher);
  await writer.opens(token, '/agents/new');
  await writer.types('Name of the practice', 'Harbour Dental');
  await writer.field('Without a number').check();
  watcher.expectFailedRequests();
  writer.expectFailedRequests();

  await server.stop();
  await watcher.sees(/Reconnecting|No connection to the server/);
  stage.check(await watcher.row('+13125550177').isVisible(), 'a lost connection is said, and what is known stays');
  await writer.presses('Create without a number');
  await writer.sees(/could not be reached.*What you typed is kept/);
  stage.check(
    (await writer.field('Name of the practice').inputValue()) === 'Harbour Dental',
    'a form that cannot be sent keeps its input',
  );

  await server.start();
  await watcher.misses(/Reconnecting|No connection to the server/);
  stage.check(true, 'it reconnects by itself');
  await server.call({ to: agent.phoneNumber.number, from: '+13125550188', hold: true });
  await watcher
    .row('+13125550188')
    .getByText(/Put through|In progress/)
    .waitFor();
  stage.check(true, 'and shows what happens since');
  await writer.presses('Create without a number');
  await writer.sees('The agent is created');
  stage.check(true, 'the form is sent without typing it again');
  await watcher.goesTo('Agents');
  stage.check(
    (await watcher.page.getByRole('row').filter({ hasText: 'Harbour Dental' }).count()) === 1,
    'once, not twice',
  );

  await server.crash();
  await watcher.page.getByRole('link', { name: 'Trail' }).click();
  // The view was never opened before, so that its modules are not there either.
  await watcher.sees(/This view could not be loaded/);
  await server.start();
  await watcher.presses('Reload');
  await watcher.row('Create an agent').waitFor();
  stage.check(true, 'a view opened without a server has its data when the server is back');
}
