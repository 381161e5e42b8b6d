// Ten thousand calls.

import { until } from '../support/report.mjs';

export const name = '10,000 calls';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const agent = await server.agent(token);
  await server.call({ to: agent.phoneNumber.number, duration_seconds: 30 });
  server.copyCalls(agent.phoneNumber.number, { count: 9_999, days: 30, steady: true });
  const person = await stage.person();
  await person.opens(token, '/calls');
  const first = () => person.page.getByRole('rowheader').first().textContent();
  const times = [];
  for (let page = 0; page < 5; page += 1) {
    const before = await first();
    const began = Date.now();
    await person.presses('Older →');
    await until('the next page', async () => (await first()) !== before);
    times.push(Date.now() - began);
  }
  stage.report.note(`pages turn in ${times.join(', ')} ms`);
  const elements = await person.page.evaluate(() => document.querySelectorAll('*').length);
  stage.check(elements < 2000, `the page stays small: ${elements} elements`);
  await person.presses('Count the calls');
  await person.sees('10,000 calls');
  stage.check(true, 'ten thousand calls are counted');
  const began = Date.now();
  const { text } = await person.saves(() => person.presses('Export CSV'));
  stage.check(
    text.trim().split('\r\n').length === 10_001,
    `ten thousand calls are exported (${((Date.now() - began) / 1000).toFixed(1)} s)`,
  );
}
