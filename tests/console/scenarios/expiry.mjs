// A token that expires while somebody types.

export const name = 'expiring token';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { user, token } = server.tenant();
  const person = await stage.person();
  // The server refuses what is asked with the old token.
  person.expectFailedRequests();
  await person.opens(server.token({ user, seconds: 7 }), '/agents/new');
  await person.types('Name of the practice', 'Harbour Dental');
  await person.types('Greeting', 'Good day, this is Harbour Dental.');
  await person.field('Without a number').check();
  const dialog = person.dialog('Sign in again');
  await dialog.waitFor();
  stage.check(
    await person.has(/Everything on this page is kept/),
    'a dialog asks for another token, before any request failed',
  );
  stage.check(/input/.test(await person.focus()) || (await person.focusIsKept()), 'the dialog has the focus');
  await person.page.keyboard.press('Escape');
  stage.check(await dialog.isVisible(), 'it cannot be overlooked');
  await person.types('Token', server.token({ user, seconds: -60 }));
  await person.presses('Go on');
  await dialog.waitFor();
  await person.types('Token', token);
  await person.presses('Go on');
  await dialog.waitFor({ state: 'detached' });
  stage.check(await person.focusIsKept(), 'with a new token it goes on');
  stage.check((await person.field('Greeting').inputValue()).startsWith('Good day'), 'what was typed is kept');
  await person.presses('Create without a number');
  await person.sees('The agent is created');
  stage.check(true, 'and can be sent');

  const listener = await stage.person();
  listener.expectFailedRequests();
  await listener.opens(server.token({ user, seconds: 3 }));
  await listener.dialog('Sign in again').waitFor();
  await listener.presses('Sign out');
  await listener.field('Token').waitFor();
  stage.check(true, 'a page that only listens is asked, too, and can sign out');
}
