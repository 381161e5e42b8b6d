// Call groups: agents that answer the calls to a number together.

import { until } from '../support/report.mjs';
import { NAMES } from './hostile.mjs';

export const name = 'groups';

const AREA = '415';

/**
 * @typedef {object} Practice
 * @property {import('../support/stage.mjs').Stage} stage
 * @property {import('../support/person.mjs').Person} person
 * @property {string} token
 * @property {{ id: string, name: string, phoneNumber: { id: string, number: string } }} elm
 * @property {{ id: string, name: string }} lake
 */

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const elm = await server.agent(token, { name: 'Elm Street Vets', areaCode: AREA });
  const lake = await server.agent(token, { name: 'Lakeside Physio', provisionPhone: false, areaCode: null });
  const person = await stage.person();
  const practice = { stage, person, token, elm, lake };
  await person.opens(token, '/numbers');
  await creates(practice);
  await assigns(practice);
  await labels(practice);
  await answers(practice);
  await reorders(practice);
  await collides(practice);
  await agrees(practice);
  await survives(practice);
  await deletes(practice);
}

/** The pages about numbers lead to each other; a group is created, after what is missing is said at its field. @param {Practice} practice */
async function creates(practice) {
  const { stage, person } = practice;
  await person.page.getByRole('navigation', { name: 'Pages about numbers' }).getByRole('link', { name: 'Call groups' }).click();
  await person.heading('Call groups').waitFor();
  await person.sees('You have no call groups yet.');
  await person.link('Create a call group').click();
  await person.heading('Create a call group').waitFor();
  await person.settled();
  await person.presses('Create the call group');
  await person.sees('Give the group a name.');
  stage.check(await person.has('Choose an agent, or remove this line.'), 'what is missing is said at its field');
  await person.types('Name', 'Front desk');
  await person.chooses('Agent 1', 'Elm Street Vets');
  await person.presses('Add an agent');
  stage.check(/^select/.test(await person.focus()), 'a new line has the focus');
  await person.chooses('Agent 2', 'Elm Street Vets');
  await person.presses('Create the call group');
  await person.sees(/list each agent once/);
  await person.chooses('Agent 2', 'Lakeside Physio');
  await person.types(/^Weight of Elm/, '3');
  await person.sees('75% of the calls');
  await person.types(/^Most calls at once of Lakeside/, '99');
  await person.presses('Create the call group');
  await person.sees('A whole number from 1 to 50, or empty.');
  await person.types(/^Most calls at once of Lakeside/, '2');
  await person.presses('Create the call group');
  await person.heading('Front desk').waitFor();
  await person.sees(/No number is assigned to this group/);
  const { strategy, members } = await stored(practice);
  const told = members.map((/** @type {any} */ one) => [one.agent.name, one.weight, one.maxCalls].join(' '));
  stage.check(
    strategy === 'WEIGHTED' && told.join(', ') === 'Elm Street Vets 3 , Lakeside Physio 1 2',
    'a group is created with its agents, their weights and limits',
  );
}

/** A number gets the group on its own page. @param {Practice} practice */
async function assigns(practice) {
  const { stage, person, elm } = practice;
  const { id, number } = elm.phoneNumber;
  await person.visits(`/numbers/${id}`);
  await person.presses(`Assign to…: ${number}`);
  await person.dialog(/^Assign/).waitFor();
  await person.chooses('Assign to', 'Call group: \u2068Front desk\u2069');
  await person.sees(/The agents of Front desk answer the next call to/);
  await person.presses('Assign the number');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees(`The next call to ${number} goes to Front desk.`);
  await person.link('Front desk').waitFor();
  stage.check((await numberNow(practice)).callGroup?.name === 'Front desk', 'a number is assigned to the group');
  stage.check(!(await person.has(/The number is in the pool/)), 'and is not said to be in the pool');
  stage.check(/Assign to/.test(await person.focusIsKept()), 'and the focus is back at the button');
}

/** A label is a change of the assignment for the API: the number must not lose its group. @param {Practice} practice */
async function labels(practice) {
  const { stage, person, elm } = practice;
  await person.presses('Add a label');
  await person.dialog(/^Label of/).waitFor();
  await person.types('Label', 'Main line');
  await person.presses('Save the label');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('Main line');
  const { callGroup, label } = await numberNow(practice);
  stage.check(callGroup?.name === 'Front desk' && label === 'Main line', 'a label leaves the number in its group');
  await person.visits('/numbers');
  await person.row(elm.phoneNumber.number).getByRole('link', { name: 'Front desk' }).waitFor();
  stage.check(true, 'the list of numbers names the group');
}

/** A call to the number is answered by one of the agents. @param {Practice} practice */
async function answers({ stage, token, elm, lake }) {
  const { server } = stage;
  const answered = await until('a call is answered by the group', async () => {
    await server.call({ to: elm.phoneNumber.number, from: '+13125550141', duration_seconds: 5 });
    const { calls } = await server.api(token, '{ calls(first: 1) { nodes { outcome agent { id } decision { reason } } } }');
    const [call] = calls.nodes;
    return call.outcome === 'AGENT' && /call group/.test(call.decision.reason) && call;
  });
  stage.check([elm.id, lake.id].includes(answered.agent.id), 'a call to the number is answered by an agent of the group');
}

/** In order instead of by share. @param {Practice} practice */
async function reorders(practice) {
  const { stage, person } = practice;
  await person.visits('/numbers/groups');
  await person.row('Front desk').getByText('Elm Street Vets 75%').waitFor();
  await person.link('Front desk').click();
  await person.heading('Front desk').waitFor();
  await person.settled();
  await person.chooses('Calls go', 'In order');
  await person.sees(/The first agent of the list that has room/);
  await person.presses('Down: Elm Street Vets');
  stage.check(await person.focusIsKept(), 'an agent that is moved keeps the focus');
  await person.presses('Save the call group');
  await person.sees(/It applies from the next call/);
  const { strategy, members } = await stored(practice);
  stage.check(
    strategy === 'OVERFLOW' && members[0].agent.name === 'Lakeside Physio',
    'a group is changed: its agents are asked in another order',
  );
  await person.types('Name', 'Something else');
  await person.link('Call groups').click();
  await until('leaving asks first', () => person.asked.length > 0);
  await person.presses('Discard the changes');
  stage.check((await person.field('Name').inputValue()) === 'Front desk', 'changes can be discarded');
}

/** Somebody else changes the group meanwhile. @param {Practice} practice */
async function collides(practice) {
  const { stage, person } = practice;
  const field = person.field('Name');
  await person.types('Name', 'Reception');
  await renames(practice, 'Lobby');
  await person.presses('Save the call group');
  await person.sees(/Somebody else has changed this group since you began/);
  stage.check(
    (await field.inputValue()) === 'Reception' && (await stored(practice)).name === 'Lobby',
    'a group that somebody else has changed meanwhile is not overwritten, and what was typed is kept',
  );
  await person.presses('Take the other version');
  await until('the other version is there', async () => (await field.inputValue()) === 'Lobby');
  await person.misses(/Somebody else has changed this group/);
  stage.check(await person.focusIsKept(), 'the other version can be taken');
  await person.types('Name', 'Reception');
  await renames(practice, 'Hall');
  await person.presses('Save the call group');
  await person.presses('Keep mine');
  stage.check((await field.inputValue()) === 'Reception', 'or what was typed is kept');
  await person.presses('Save the call group');
  await until('it is saved', async () => (await stored(practice)).name === 'Reception');
  stage.check(await person.focusIsKept(), 'and saved over the other version');
  await person.types('Name', 'Desk');
  await renames(practice, 'Lobby');
  await person.presses('Save the call group');
  await person.sees(/Somebody else has changed this group/);
  await person.presses('Discard the changes');
  await until('the newest version is there', async () => (await field.inputValue()) === 'Lobby');
  stage.check(
    !(await person.has(/Somebody else has changed this group/)) && (await person.button('Save the call group').isDisabled()),
    'changes are discarded in favour of the newest version, and nothing is left to save',
  );
  stage.check(await person.focusIsKept(), 'and the focus is kept');
}

/** Somebody else saves the group meanwhile, but changes nothing about what is to be saved here. @param {Practice} practice */
async function agrees(practice) {
  const { stage, person } = practice;
  const field = person.field('Name');
  const isSaved = () => person.button('Save the call group').isDisabled();
  await person.types('Name', 'Reception');
  await renames(practice, 'Lobby');
  await person.presses('Save the call group');
  await until('it is saved', async () => (await stored(practice)).name === 'Reception' && isSaved());
  stage.check(true, 'a newer version with the former content is not asked about');
  await person.types('Name', 'Hall');
  await renames(practice, 'Hall');
  await person.presses('Save the call group');
  await until('it counts as saved', isSaved);
  stage.check((await field.inputValue()) === 'Hall', 'nor is one with what is to be saved');
  stage.check(!(await person.has(/Somebody else has changed this group/)), 'and no question is left');
}

/** As another person does. @param {Practice} practice @param {string} to */
async function renames(practice, to) {
  const query = 'mutation U($input: UpdateCallGroupInput!) { updateCallGroup(input: $input) { userErrors { message } } }';
  const { id } = await stored(practice);
  await practice.stage.server.api(practice.token, query, { input: { id, name: to } });
}

/** Names that are written to break pages. @param {Practice} practice */
async function survives(practice) {
  const { stage, person } = practice;
  const { id } = await stored(practice);
  await person.looksAt({ width: 360 });
  const wide = [];
  for (const text of NAMES.map((one) => one.slice(0, 100))) {
    await renames(practice, text);
    for (const path of ['/numbers/groups', `/numbers/groups/${id}`, `/numbers/${practice.elm.phoneNumber.id}`, '/numbers']) {
      await person.visits(path);
      const overflow = await person.overflow();
      if (overflow > 0) wide.push(`${path} by ${overflow} px (${(await person.tooWide()).join(', ')})`);
      if (await person.page.evaluate(() => 'ran' in window)) stage.check(false, `nothing of a name runs in ${path}`);
    }
  }
  stage.check(wide.length === 0, `no name of a group makes a view wider than 360 px ${wide.join('; ')}`.trim());
  await person.looksAt({ width: 1280 });
  await renames(practice, 'Front desk');
}

/** Its numbers go to the pool. @param {Practice} practice */
async function deletes(practice) {
  const { stage, person } = practice;
  const { id } = await stored(practice);
  await person.visits(`/numbers/groups/${id}`);
  await person.presses('Delete…');
  await person.dialog('Delete the call group?').waitFor();
  await person.sees(/Its numbers go to the pool/);
  await person.presses('Delete the call group');
  await person.heading('Call groups').waitFor();
  await person.sees('You have no call groups yet.');
  const { callGroup, agent } = await numberNow(practice);
  stage.check(callGroup === null && agent === null, 'a deleted group leaves its number in the pool');
  stage.check(await person.focusIsKept(), 'and the focus is kept');
  await person.visits(`/numbers/groups/${id}`);
  await person.sees('You have no such call group.');
  stage.check(true, 'an old address says that there is no such group');
}

/** @param {Practice} practice */
async function stored({ stage, token }) {
  const query = '{ callGroups { nodes { id name strategy members { weight maxCalls agent { id name } } } } }';
  const { callGroups } = await stage.server.api(token, query);
  return callGroups.nodes[0];
}

/** @param {Practice} practice */
async function numberNow({ stage, token, elm }) {
  const query = 'query N($id: ID!) { phoneNumber(id: $id) { label agent { id } callGroup { name } } }';
  return (await stage.server.api(token, query, { id: elm.phoneNumber.id })).phoneNumber;
}
