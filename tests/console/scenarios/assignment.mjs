// Numbers and the agents that answer them: assigned, kept in the pool, labelled, made primary.

import { until } from '../support/report.mjs';
import { NAMES } from './hostile.mjs';

export const name = 'assignment';

const AREA = '312';

/**
 * @typedef {object} Practice
 * @property {import('../support/stage.mjs').Stage} stage
 * @property {import('../support/person.mjs').Person} person
 * @property {string} token
 * @property {{ id: string, name: string, phoneNumber: { id: string, number: string } }} elm
 * @property {{ id: string, name: string }} lake an agent without a number
 * @property {{ id: string, name: string, phoneNumber: { id: string, number: string } }} north
 */

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const elm = await server.agent(token, { name: 'Elm Street Vets', areaCode: AREA });
  const north = await server.agent(token, { name: 'North Star', areaCode: AREA });
  const lake = await server.agent(token, { name: 'Lakeside Physio', provisionPhone: false, areaCode: null });
  const person = await stage.person();
  const practice = { stage, person, token, elm, lake, north };
  await person.opens(token, `/numbers/${elm.phoneNumber.id}`);
  await labels(practice);
  await assigns(practice);
  await pools(practice);
  await meets(practice);
  await lists(practice);
  await takes(practice);
  await keeps(practice);
  await survives(practice);
}

/** The label alone is changed: the number keeps its agent. @param {Practice} practice */
async function labels(practice) {
  const { stage, person, elm } = practice;
  await person.presses('Add a label');
  await person.dialog(/^Label of/).waitFor();
  await person.types('Label', 'Front desk');
  await person.presses('Save the label');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('Front desk');
  const { label, agent } = await stored(practice, elm.phoneNumber.id);
  stage.check(label === 'Front desk' && agent?.id === elm.id, 'a label is given, and the number keeps its agent');
  stage.check(/Change the label/.test(await person.focusIsKept()), 'and the focus is back at the label');
}

/** Somebody else is faster; then the number moves, and the call after it. @param {Practice} practice */
async function assigns(practice) {
  const { stage, person, elm, lake, north } = practice;
  const { id, number } = elm.phoneNumber;
  const dialog = await opensAssignment(practice);
  await person.presses('Assign the number');
  await person.sees(/Choose the agent that answers/);
  await person.chooses('Assign to', 'Lakeside Physio');
  await person.sees(/The next call and the next text to .* go to Lakeside Physio/);
  await person.misses(/Choose the agent that/);
  stage.check(
    await person.has(/no longer the primary number of Elm Street Vets/),
    'what an assignment does is said, and a choice ends the refusal of none',
  );
  await assign(practice, { id, agentId: north.id });
  await person.presses('Assign the number');
  await person.sees(/Somebody else has assigned this number meanwhile/);
  await person.sees(/North Star answers its calls/, dialog);
  stage.check(
    (await stored(practice, id)).agent?.id === north.id,
    'an assignment is refused if somebody else was faster, and it is said who has the number',
  );
  await person.presses('Assign the number');
  await dialog.waitFor({ state: 'detached' });
  await person.sees(`The next call to ${number} goes to Lakeside Physio.`);
  const { label, agent } = await stored(practice, id);
  stage.check(agent?.id === lake.id && label === 'Front desk', 'then it is made, and the label stays');
  stage.check(/Assign to/.test(await person.focusIsKept()), 'and the focus is back at the button');
}

/** The page's sentence is what a caller hears. @param {Practice} practice */
async function pools(practice) {
  const { stage, person, token, elm } = practice;
  const { server } = stage;
  const { id, number } = elm.phoneNumber;
  const dialog = await opensAssignment(practice);
  await person.chooses('Assign to', 'The pool: no agent');
  await person.sees(/otherwise callers hear that nobody can take the call/);
  await person.presses('Put it into the pool');
  await dialog.waitFor({ state: 'detached' });
  await person.sees(/Callers hear that nobody can take the call, unless you add a routing rule/);
  await person.sees('Every caller hears that nobody can take the call.');
  const call = await heardSoon(() => server.call({ to: number, from: '+13125550131' }));
  stage.check(/nobody can take your call/.test(call), 'a call to a number in the pool gets what its page says');
  await person.page.getByRole('row').filter({ hasText: '+13125550131' }).getByText('Unavailable').first().waitFor();
  const { calls } = await server.api(token, '{ calls(first: 1) { nodes { id } } }');
  await person.visits(`/calls/${calls.nodes[0].id}`);
  await person.sees('The caller heard a message');
  stage.check(!(await person.has(/no fallback number/)), 'such a call does not ask for a fallback number');
  await person.visits('');
  await person.sees(/in the last hour went to numbers in the pool/);
  stage.check(true, 'and the first view says that it went to the pool');

  const rules = [{ name: 'Ours', condition: {}, action: { kind: 'MESSAGE', message: 'We have moved.' } }];
  const query = 'mutation R($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) { userErrors { message } } }';
  await server.api(token, query, { input: { phoneNumberId: id, rules } });
  await person.visits(`/numbers/${id}`);
  await person.sees(/Its routing rules answer calls/);
  const ruled = await heardSoon(() => server.call({ to: number, from: '+13125550132' }), /moved/);
  stage.check(/We have moved/.test(ruled), 'with a rule, the rule answers');
  await server.api(token, query, { input: { phoneNumberId: id, rules: [] } });
}

/** A number in the pool that gets an agent meanwhile does not lose it again. @param {Practice} practice */
async function meets(practice) {
  const { stage, person, elm, north } = practice;
  const { id } = elm.phoneNumber;
  await person.visits(`/numbers/${id}`);
  await person.presses('Change the label');
  await person.dialog(/^Label of/).waitFor();
  await person.types('Label', 'Night line');
  await assign(practice, { id, agentId: north.id });
  await person.presses('Save the label');
  await person.sees(/Somebody else has assigned this number meanwhile/);
  const { agent, label } = await stored(practice, id);
  stage.check(
    agent?.id === north.id && label === 'Front desk',
    'a label does not put a number back into the pool that got an agent meanwhile',
  );
  stage.check((await person.field('Label').inputValue()) === 'Night line', 'what was typed is kept');
  await person.presses('Save the label');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('Night line');
  await assign(practice, { id, agentId: null });
}

/** The pool as a list. @param {Practice} practice */
async function lists(practice) {
  const { stage, person, elm, north } = practice;
  const { id, number } = elm.phoneNumber;
  await person.visits('/numbers');
  await person.row(number).getByText('In the pool', { exact: true }).waitFor();
  await person.chooses('Agent', 'In the pool');
  await person.row(north.phoneNumber.number).waitFor({ state: 'detached' });
  stage.check(person.page.url().includes('pool=1'), 'the pool is a filter, in the address');
  await person.page.reload();
  await person.settled();
  await person.row(number).getByText('Night line').waitFor();
  stage.check(
    await person.has(/otherwise callers hear that nobody can take the call/),
    'the list shows labels, and says what callers of the pool hear',
  );
  await person.presses(`Assign: ${number}`);
  await person.dialog(/^Assign/).waitFor();
  await person.chooses('Assign to', 'North Star');
  await person.presses('Assign the number');
  await person.sees('No number in the pool matches these filters.');
  stage.check(await person.focusIsKept(), 'a number that leaves the list does not take the focus with it');
  await person.presses('Show all numbers');
  await person.row(number).getByRole('link', { name: 'North Star' }).waitFor();
  stage.check((await stored(practice, id)).agent?.id === north.id, 'a number is assigned from the list');
  await person.visits('/calls');
  await person.front.getByRole('option', { name: /Night line/ }).waitFor({ state: 'attached' });
  stage.check(true, 'a choice of numbers has their labels');
}

/** An agent's own page: its numbers, the primary one, one more from the pool. @param {Practice} practice */
async function takes(practice) {
  const { stage, person, elm, lake, north } = practice;
  const { number } = elm.phoneNumber;
  await person.visits(`/agents/${north.id}`);
  const item = (/** @type {string} */ text) => person.page.getByRole('listitem').filter({ hasText: text });
  stage.check(
    (await person.page.getByText('Primary number').count()) === 1 && (await item('Night line').count()) === 1,
    'an agent’s numbers have their labels, and one is the primary one',
  );
  const other = (await isPrimary(practice, elm.phoneNumber.id)) ? north.phoneNumber.id : elm.phoneNumber.id;
  await person.visits(`/numbers/${other}`);
  await person.presses(/^Make primary/);
  await person.dialog(/primary number/).waitFor();
  await person.presses('Make it primary');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('Primary number');
  stage.check(await isPrimary(practice, other), 'another number is made the primary one');
  stage.check(await person.focusIsKept(), 'and the focus is kept, though the button is gone');
  await assign(practice, { id: elm.phoneNumber.id, agentId: null });

  await person.visits(`/agents/${lake.id}`);
  await person.presses('Take one from the pool…');
  const dialog = person.dialog('Take a number from the pool');
  await dialog.getByText('Night line').waitFor();
  await person.presses('Take the number');
  await dialog.waitFor({ state: 'detached' });
  await person.sees(`The next call to ${number} goes to Lakeside Physio.`);
  await item('Night line').waitFor();
  stage.check((await stored(practice, elm.phoneNumber.id)).agent?.id === lake.id, 'an agent takes a number from the pool');
  stage.check(await person.focusIsKept(), 'and the focus is kept, though the pool is empty');
}

/** Deletion asks what happens to the numbers. @param {Practice} practice */
async function keeps(practice) {
  const { stage, person, elm, lake } = practice;
  await person.visits(`/agents/${lake.id}`);
  await person.presses('Delete…');
  const dialog = person.dialog('Delete the agent?');
  await dialog.waitFor();
  stage.check(
    await dialog.getByLabel(/^Release it/).isChecked(),
    'a deletion releases the numbers unless the person keeps them',
  );
  stage.check(
    (await dialog.getByText(/You no longer pay \$\d/).count()) === 1 && (await dialog.getByText(/You still pay \$\d/).count()) === 1,
    'both choices say what they cost',
  );
  await dialog.getByLabel(/^Keep it in the pool/).check();
  await person.types('Name of the agent', 'Lakeside Physio');
  await person.presses('Delete the agent');
  await dialog.waitFor({ state: 'detached' });
  await person.sees('This agent is deleted. Its calls are kept.');
  const { agent, status, label } = await stored(practice, elm.phoneNumber.id);
  stage.check(agent === null && status === 'ACTIVE' && label === 'Night line', 'the kept number is in the pool');
}

/** Labels that are written to break pages. @param {Practice} practice */
async function survives(practice) {
  const { stage, person, elm, north } = practice;
  const { page } = person;
  await person.looksAt({ width: 360 });
  const wide = [];
  const look = async (/** @type {string} */ what) => {
    const overflow = await person.overflow();
    if (overflow > 0) wide.push(`${what} by ${overflow} px (${(await person.tooWide()).join(', ')})`);
    if (await page.evaluate(() => 'ran' in window)) stage.check(false, `nothing of a label runs in ${what}`);
  };
  for (const label of NAMES.map((text) => text.slice(0, 100))) {
    await assign(practice, { id: elm.phoneNumber.id, agentId: null, label });
    await person.visits('/numbers?pool=1');
    await look('the list');
    await person.visits(`/numbers/${elm.phoneNumber.id}`);
    await look('the number');
    stage.check(
      (await page.locator('dd bdi').filter({ hasText: label.slice(0, 20) }).first().textContent()) === label,
      `a label is shown as it was written: ${label.slice(0, 12)}`,
    );
    await person.presses('Change the label');
    await person.dialog(/^Label of/).waitFor();
    await look('the label’s dialog');
    await page.keyboard.press('Escape');
    await person.visits(`/agents/${north.id}`);
    await person.presses('Take one from the pool…');
    await person.dialog(/^Take a number/).waitFor();
    await look('the pool’s dialog');
    await page.keyboard.press('Escape');
    await assign(practice, { id: elm.phoneNumber.id, agentId: north.id });
    await person.visits(`/agents/${north.id}`);
    await look('the agent');
    await person.presses('Delete…');
    await person.dialog(/^Delete/).waitFor();
    await look('the deletion');
    await page.keyboard.press('Escape');
  }
  stage.check(wide.length === 0, `no label makes a view wider than 360 px ${wide.join('; ')}`.trim());
}

/** @param {Practice} practice */
async function opensAssignment({ person, elm }) {
  await person.presses(`Assign to…: ${elm.phoneNumber.number}`);
  const dialog = person.dialog(/^Assign/);
  await dialog.waitFor();
  return dialog;
}

/** @param {Practice} practice @param {{ id: string, agentId: string | null, label?: string }} input */
function assign({ stage, token }, input) {
  const query = 'mutation A($input: AssignPhoneNumberInput!) { assignPhoneNumber(input: $input) { userErrors { message } } }';
  return stage.server.api(token, query, { input });
}

/** @param {Practice} practice @param {string} id */
async function stored({ stage, token }, id) {
  const query = 'query N($id: ID!) { phoneNumber(id: $id) { label status primary agent { id } } }';
  return (await stage.server.api(token, query, { id })).phoneNumber;
}

/** @param {Practice} practice @param {string} id */
const isPrimary = async (practice, id) => (await stored(practice, id)).primary;

/**
 * What a caller hears, once the change before has reached every part of the server.
 * @param {() => Promise<any>} place
 * @param {RegExp} [wanted]
 */
function heardSoon(place, wanted = /nobody/) {
  return until('the call is answered as it is now', async () => {
    const heard = String((await place()).heard);
    return wanted.test(heard) && heard;
  });
}
