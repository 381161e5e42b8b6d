// A newcomer's first session: from the link that `dev` prints to the cost of the first call.

import { until } from '../support/report.mjs';

export const name = 'newcomer';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  // Of its own: its slow providers must not slow down another scenario's agent.
  const server = await stage.ownServer({ OPERATION_WAIT: '0s' });
  const person = await stage.person({ server });
  const { page } = person;
  await person.opens(server.printedToken);
  stage.check(!page.url().includes('token'), 'the token has left the address');
  stage.check(await person.heading('Now').isVisible(), 'the link leads to Now');
  await person.link('Create your first agent').click();
  await person.heading('Create an agent').waitFor();
  const token = await createsAgent(stage, person);

  const number = await (await person.sees(/^\(212\) 555/)).textContent();
  stage.check(number, 'the new number is shown');
  await person.goesTo('Agents');
  stage.check(await person.row('Harbour Dental').isVisible(), 'the agent is in the list');
  stage.check(!(await page.content()).includes(token), 'the token is not shown a second time');
  await placesCall(stage, person);
  await looksAtCall(stage, person);
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  stage.check(!stored.includes(server.printedToken), 'the token is not kept beyond the tab');
  stage.check(server.base === new URL(page.url()).origin, 'the person never left the console');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function createsAgent(stage, person) {
  const { page } = person;
  await person.types('Name of the practice', 'Harbour Dental');
  await person.types('Area code', '212');
  await person.sees(/\(212\) 555|\+1212555/);
  const buy = person.button(/^Create and buy/);
  await until('a price on the button', async () => /\$\d/.test((await buy.textContent()) ?? ''));
  stage.check(true, 'the price a month is on the button before the click');
  // Slow providers, so that every step can be seen.
  const slow = (/** @type {string} */ provider, /** @type {string} */ part, /** @type {number} */ delay) =>
    person.server.fault({
      match: { provider, method: 'POST', path_contains: part },
      action: { delay_ms: delay },
      times: 1,
    });
  await slow('elevenlabs', '/agents/create', 3000);
  await slow('twilio', 'IncomingPhoneNumbers', 3000);
  await buy.click();
  /** @type {Set<string>} */
  const steps = new Set();
  await until('the operation is done', async () => {
    const now = await page.evaluate(() => document.querySelector('[aria-current=step]')?.textContent?.trim());
    if (now) steps.add(now);
    return person.has('The agent answers calls');
  });
  stage.check(steps.size >= 2, `the progress is seen step by step (${[...steps].length} steps)`);
  await person.presses(/Copy/);
  const token = await person.clipboard();
  stage.check(/^vami_agent_\w+/.test(token), 'the agent’s token is shown and can be copied');
  stage.check(await person.has(/shown|only|once|again/), 'it is said that the token is shown once');
  return token;
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function placesCall(stage, person) {
  await person.goesTo('Now');
  await person.presses('Place a test call');
  await person.dialog('Place a test call').waitFor();
  await person.presses('Call');
  await person.dialog('Place a test call').waitFor({ state: 'detached' });
  const row = person.row('+13125550142');
  await row.getByText(/Put through|In progress/).waitFor();
  stage.check(await row.getByText('Harbour Dental').isVisible(), 'the test call appears live');
  await person.presses(/^Hang up the call/);
  await row.getByText('Completed').waitFor();
  stage.check(true, 'its end appears live');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function looksAtCall(stage, person) {
  await person.goesTo('Calls');
  await person.row('+13125550142').getByRole('link').first().click();
  await person.heading(/^Call of/).waitFor();
  await person.settled();
  await person.sees('No rule applied');
  stage.check(await person.has('Harbour Dental answered'), 'the call’s view says who decided and who answered');
  await person.sees(/^\$0\.\d+/);
  stage.check(true, 'the call’s cost is shown');
}
