// A slow network, too many requests, a server that cannot answer.

import { until } from '../support/report.mjs';

export const name = 'trouble';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  await slow(stage);
  await unavailable(stage);
  await tooMany(stage);
}

/** @param {import('../support/stage.mjs').Stage} stage */
async function slow(stage) {
  const { token } = stage.server.tenant();
  await stage.server.agent(token, { provisionPhone: false, areaCode: null });
  const person = await stage.person();
  await person.opens(token);
  await person.page.route('**/graphql', async (route) => {
    await new Promise((resume) => setTimeout(resume, 1500));
    await route.continue();
  });
  await person.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Agents' }).click();
  await person.heading('Agents').waitFor();
  stage.check(
    await person.has('Loading…'),
    'on a slow network the view is there before its data, and says that it loads',
  );
  await person.settled();
  await person.sees('Dr. Smith’s Office');
  stage.check(true, 'and has its data when it arrives');
}

/** @param {import('../support/stage.mjs').Stage} stage */
async function unavailable(stage) {
  const { token } = stage.server.tenant();
  const person = await stage.person();
  await person.opens(token, '/agents/new');
  person.expectFailedRequests();
  let failures = 0;
  let isDown = true;
  await person.page.route('**/graphql', async (route) => {
    if (!isDown) return route.continue();
    failures += 1;
    return route.fulfill({
      status: 503,
      headers: { 'retry-after': '1' },
      json: { errors: [{ message: 'unavailable' }] },
    });
  });
  await person.types('Name of the practice', 'Harbour Dental');
  await person.field('Without a number').check();
  await person.presses('Create without a number');
  await person.sees(/What you typed is kept|unavailable/);
  const sent = failures;
  stage.check(
    (await person.field('Name of the practice').inputValue()) === 'Harbour Dental',
    'a change that a 503 answers keeps its form',
  );
  person.answers = [true];
  await person.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Trail' }).click();
  await person.sees('The server cannot answer at the moment. Trying again.');
  stage.check(failures > sent, 'a 503 is said, and the query is repeated by itself');
  isDown = false;
  await until(
    'the message is gone',
    async () => !(await person.has('The server cannot answer at the moment. Trying again.')),
  );
  await person.heading('Trail').waitFor();
  await person.settled();
  stage.check(!(await person.has('Try again')), 'and answered when the server can');
}

/** @param {import('../support/stage.mjs').Stage} stage */
async function tooMany(stage) {
  const server = await stage.ownServer({ RATE_LIMIT_PER_MINUTE: '30' });
  const { token } = server.tenant();
  const person = await stage.person({ server });
  await person.opens(token, '/agents');
  person.expectFailedRequests();
  const ask = async () => {
    const options = {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"query":"{ session { role } }"}',
    };
    return (await fetch(`${server.base}/graphql`, options)).status;
  };
  await until('the limit is reached', async () => (await ask()) === 429);
  await person.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Trail' }).click();
  await person.sees(/Too many requests/);
  stage.check(true, 'too many requests are said, with what happens next');
  await until(
    'the view has its data',
    async () => {
      if (await person.has('Try again')) await person.presses('Try again');
      await new Promise((resume) => setTimeout(resume, 1000));
      return person.has('Nothing is recorded that matches.');
    },
    40_000,
  );
  stage.check(true, 'and answered when there is room again');
}
