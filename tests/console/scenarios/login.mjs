// CONSOLE_LOGIN_URL: a login page of the platform gives the tokens.

import { createServer } from 'node:http';

export const name = 'login page';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  let give = (/** @type {URLSearchParams} */ _asked) => '';
  const login = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://login');
    const back = `${searchParams.get('back')}#access_token=${give(searchParams)}&token_type=bearer`;
    const page = `<!doctype html><html lang="en"><title>Login</title><link rel="icon" href="data:,"><h1>Login</h1><a href="${back.replaceAll('&', '&amp;')}">Sign in as Ann</a>`;
    response.setHeader('content-type', 'text/html').end(page);
  });
  await new Promise((resume) => login.listen(0, '127.0.0.1', () => resume(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (login.address());
  const host = `http://127.0.0.1:${port}`;
  try {
    const server = await stage.ownServer({ CONSOLE_LOGIN_URL: `${host}/?back={return_url}` });
    await plays(stage, server, host, (next) => (give = next));
  } finally {
    login.close();
  }
}

/**
 * @param {import('../support/stage.mjs').Stage} stage
 * @param {import('../support/server.mjs').Server} server
 * @param {string} host
 * @param {(give: () => string) => void} gives
 */
async function plays(stage, server, host, gives) {
  const { user } = server.tenant();
  const person = await stage.person({ server });
  person.hosts.push(host);
  // Long enough to type, short enough to wait for.
  gives(() => server.token({ user, seconds: 6, email: 'ann@example.com' }));
  await person.page.goto(`${server.base}/console/agents/new`);
  await person.heading('Login').waitFor();
  stage.check(person.page.url().startsWith(host), 'without a token the browser goes to the login page');
  await person.page.getByRole('link').click();
  await person.heading('Create an agent').waitFor();
  stage.check(
    !person.page.url().includes('access_token'),
    'it comes back to the same view with a token, which leaves the address',
  );
  stage.check(await person.has('ann@example.com'), 'who is signed in is shown');
  await person.types('Name of the practice', 'Harbour Dental');
  await person.dialog('Sign in again').waitFor();
  gives(() => server.token({ user, email: 'ann@example.com' }));
  const [page] = await Promise.all([
    person.context.waitForEvent('page'),
    person.link(/Sign in in another tab/).click(),
  ]);
  await page.getByRole('link', { name: 'Sign in as Ann' }).click();
  await page.getByText('You can close this tab').waitFor();
  await person.dialog('Sign in again').waitFor({ state: 'detached' });
  stage.check(
    (await person.field('Name of the practice').inputValue()) === 'Harbour Dental',
    'another tab renews the token, and what was typed is kept',
  );
  await page.close();
  await person.presses('Sign out').catch(() => {});
  person.answers = [true];
  await person.field('Token').waitFor();
  stage.check(
    await person.link('Sign in').isVisible(),
    'after signing out the page stays, with a link to the login page',
  );
}
