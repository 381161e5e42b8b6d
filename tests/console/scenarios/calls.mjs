// Calls: filters, pages, the file for spreadsheets, one call.

import { until } from '../support/report.mjs';

export const name = 'calls';
const FORMULA = '=HYPERLINK("http://evil.example","Elm, Vets")';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const elm = await server.agent(token, { name: FORMULA });
  const lake = await server.agent(token, { name: 'Lakeside Physio', areaCode: '646' });
  await server.call({ to: elm.phoneNumber.number, from: '+13125550123', duration_seconds: 75 });
  await server.call({ to: lake.phoneNumber.number, from: '+13125550124', duration_seconds: 30 });
  server.copyCalls(elm.phoneNumber.number, { count: 60, days: 20 });
  const person = await stage.person();
  await person.opens(token, '/calls');
  await pages(stage, person);
  await filters(stage, person);
  await exports(stage, person);
  await person.row('+13125550124').getByRole('link').first().click();
  await person.heading(/^Call of/).waitFor();
  await person.settled();
  stage.check(await person.has('Lakeside Physio answered'), 'a call says who answered');
  await person.link('← Calls').click();
  await person.heading('Calls').waitFor();
  stage.check(person.page.url().includes('agent='), 'the way back keeps the filters');
  await person.visits('/calls/nothing');
  await person.sees('There is no such call.');
  stage.check(true, 'a wrong link is answered in words');
}

/** @typedef {(stage: import('../support/stage.mjs').Stage, person: import('../support/person.mjs').Person) => Promise<void>} Part */

/** @type {Part} */
async function pages(stage, person) {
  const first = () => person.page.getByRole('rowheader').first().textContent();
  const newest = await first();
  await person.presses('Older →');
  await until('the second page', async () => (await first()) !== newest);
  stage.check(person.page.url().includes('after='), 'the page is in the address');
  const second = await first();
  await person.page.goBack();
  await until('the first page', async () => (await first()) === newest);
  await person.page.goForward();
  await until('the second page again', async () => (await first()) === second);
  await person.presses('← Newer');
  await until('the newest calls', async () => (await first()) === newest);
  stage.check(true, 'the list is paged, also by the browser’s back and forward');
  await person.presses('Count the calls');
  await person.sees('62 calls');
  stage.check(true, 'calls are counted when asked for');
}

/** @type {Part} */
async function filters(stage, person) {
  await person.chooses('Status', 'Busy');
  await until('busy calls only', async () => !(await person.has('+13125550124')));
  await person.chooses('Status', 'Any status');
  await person.types('From day', '2031-01-01');
  await person.sees('No call matches these filters.');
  await person.presses('Clear the filters');
  await person.sees('+13125550124');
  stage.check(true, 'filters that match nothing can be cleared');
}

/** @type {Part} */
async function exports(stage, person) {
  const { name: file, text } = await person.saves(() => person.presses('Export CSV'));
  const lines = text.replace('\uFEFF', '').trim().split('\r\n');
  stage.check(
    /^calls-\d{4}-\d\d-\d\d\.csv$/.test(file) && text.startsWith('\uFEFF'),
    'the file has a name with the day, and is UTF-8',
  );
  stage.check(lines.length === 63 && lines[0]?.includes('Europe/Berlin'), 'it has all calls, and says the time zone');
  const cell = `"'=HYPERLINK(""http://evil.example"",""Elm, Vets"")"`;
  stage.check(text.includes(cell) && !/(^|,)"?=/m.test(text), 'a name that is a formula is made text');
  stage.check(text.includes('+13125550123'), 'a phone number stays as it is');
  await person.field(/^Agent/).selectOption({ label: 'Lakeside Physio' });
  await until(
    'one agent’s calls',
    async () => !(await person.has('HYPERLINK')) || (await person.page.getByRole('rowheader').count()) === 1,
  );
  const filtered = await person.saves(() => person.presses('Export CSV'));
  stage.check(filtered.text.trim().split('\r\n').length === 2, 'only what is filtered is exported');
}
