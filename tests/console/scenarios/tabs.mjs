// Two tabs: what happens in one is seen in the other; signing out of one leaves the other.

export const name = 'two tabs';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const agent = await server.agent(token);
  const first = await stage.person();
  await first.opens(token);
  const second = await stage.tab(first);
  await second.opens(token);
  await second.sees('Nobody is on the phone.');
  await first.presses('Place a test call');
  await first.presses('Call');
  await second
    .row('+13125550142')
    .getByText(/Put through|In progress/)
    .waitFor();
  stage.check(await second.row(agent.name).isVisible(), 'a call placed in one tab appears in the other');
  await second.presses(/^Hang up the call/);
  await first.row('+13125550142').getByText('Completed').waitFor();
  stage.check(true, 'hung up in the other, it ends in the first');
  await first.goesTo('Calls');
  await first.row('+13125550142').waitFor();
  await server.call({ to: agent.phoneNumber.number, from: '+13125550177' });
  await first.row('+13125550177').waitFor();
  stage.check(true, 'the list of calls follows what happens');
  await first.presses('Sign out');
  await first.field('Token').waitFor();
  stage.check(!(await first.has('+13125550177')), 'after signing out nothing is left on the page');
  await second.page.reload();
  await second.settled();
  stage.check(await second.heading('Now').isVisible(), 'the other tab stays signed in');
  await first.page.reload();
  await first.field('Token').waitFor();
  stage.check(true, 'the first stays signed out');
  await first.types('Token', 'two words');
  await first.presses('Use this token');
  await first.sees(/Paste the whole token/);
  await first.types('Token', `Bearer ${token}`);
  await first.presses('Use this token');
  await first.heading('Calls').waitFor();
  stage.check(true, 'a pasted token signs in again');
}
