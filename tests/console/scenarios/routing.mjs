// A number's routing rules: written, ordered, refused, saved, tried; changed by two people at once.

import { until } from '../support/report.mjs';

export const name = 'routing rules';

/** @typedef {import('../support/person.mjs').Person} Person */
/** @typedef {import('../support/stage.mjs').Stage} Stage */

/** @param {Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const { phoneNumber } = await server.agent(token, { name: 'Elm Street Vets' });
  const person = await stage.person();
  await person.opens(token, `/numbers/${phoneNumber.id}`);
  const stored = async () => {
    const query = 'query Rules($id: ID!) { phoneNumber(id: $id) { routingRules { name } } }';
    const answer = await server.api(token, query, { id: phoneNumber.id });
    return answer.phoneNumber.routingRules.map((/** @type {{ name: string }} */ rule) => rule.name).join();
  };
  stage.check(await person.has('Every caller is connected to the agent.'), 'without rules it is said who answers');
  await writes(stage, person);
  stage.check((await stored()) === 'Night,Laboratory', 'rules are saved');
  await tries(stage, person);
  await orders(stage, person);
  stage.check((await stored()) === 'Laboratory,Night', 'and the order is saved');
  await conflicts(stage, person, token, stored);
}

/** @param {Person} person @param {string} name */
const rule = (person, name) =>
  person.page.getByRole('listitem').filter({ has: person.page.getByRole('heading', { name, level: 3 }) });

/** @param {Person} person */
async function saves(person) {
  await person.presses('Save the rules');
  await person.sees('The routing rules are saved. They apply from the next call.');
  await person.button('Save the rules').waitFor();
}

/** @param {Stage} stage @param {Person} person */
async function writes(stage, person) {
  await person.presses('Add a rule');
  stage.check((await person.focus()).startsWith('input'), 'a new rule’s name has the focus');
  const first = rule(person, /Rule 1/);
  await person.types(/^Name/, 'Night', first);
  const night = rule(person, /Night/);
  await person.types('From', '20:00', night);
  await person.types(/^To/, '07:00', night);
  await person.chooses('Action', 'The caller hears a message', night);
  await person.types(/^Message/, 'We are closed. Please call again tomorrow.', night);
  await person.sees(/From 20:00 to 07:00 the next day.*hears “We are closed/, night);
  stage.check(true, 'a rule says in words what it does');
  await person.presses('Close: Night', night);

  await person.presses('Add a rule');
  const second = rule(person, /Rule 2/);
  await person.types(/^Name/, 'Laboratory', second);
  const laboratory = rule(person, /Laboratory/);
  await person.types('Callers', '+12125550111', laboratory);
  await person.chooses('Action', 'Another number rings', laboratory);
  await person.types(/^Number that rings/, '+4479', laboratory);
  await person.presses('Save the rules');
  await laboratory.locator('[aria-invalid=true]').waitFor();
  const field = person.field(/^Number that rings/, laboratory);
  stage.check((await field.getAttribute('aria-invalid')) === 'true', 'a refusal is shown at its field of its rule');
  stage.check((await person.field('Callers', laboratory).inputValue()) === '+12125550111', 'what was typed is kept');
  await person.types(/^Number that rings/, '+12125550188', laboratory);
  await saves(person);
}

/** @param {Stage} stage @param {Person} person */
async function tries(stage, person) {
  await person.types('Caller', '+12125550111', person.page.getByRole('region', { name: 'Try it' }));
  await person.types('Time of the call', '2026-11-30T12:00');
  await person.presses('Try it');
  await person.sees(/The rule “Laboratory” decides\./);
  stage.check(
    await rule(person, /Laboratory/)
      .getByText('Decides')
      .isVisible(),
    'a call is tried, and the rule that decides is marked',
  );
  await person.types('Time of the call', '2026-11-30T23:00');
  await person.presses('Try it');
  await person.sees(/The rule “Night” decides\./);
  stage.check(true, 'at another time another rule decides');
}

/** @param {Stage} stage @param {Person} person */
async function orders(stage, person) {
  const names = () => person.page.getByRole('heading', { level: 3 }).allTextContents();
  const grip = (/** @type {RegExp} */ name) => rule(person, name).locator('[draggable=true]');
  await grip(/Laboratory/).dragTo(rule(person, /Night/));
  await until('the order is changed by dragging', async () => (await names())[0]?.includes('Laboratory'));
  stage.check(true, 'rules are ordered by dragging');
  await person.button('Down: Laboratory').focus();
  await person.page.keyboard.press('Enter');
  await until('the order is changed by keys', async () => (await names())[0]?.includes('Night'));
  stage.check((await person.focus()).includes('Laboratory'), 'and by keys, which keeps the focus');
  await person.presses('Up: Laboratory');
  await until('the order', async () => (await names())[0]?.includes('Laboratory'));
  await saves(person);

  await person.presses('Add a rule');
  const all = rule(person, /Rule 3/);
  await person.types(/^Name/, 'Everybody', all);
  for (let at = 0; at < 2; at += 1) await person.presses('Up: Everybody');
  await person.sees('Never applies');
  stage.check(true, 'a rule that can never apply is marked before it is saved');
  await person.presses('Remove: Everybody');
  await person.sees(/is removed\./);
  await person.presses('Undo');
  await person.sees('Never applies');
  await person.presses('Remove: Everybody');
  stage.check(await person.focusIsKept(), 'a removal can be undone');
}

/** @param {Stage} stage @param {Person} person @param {string} token @param {() => Promise<string>} stored */
async function conflicts(stage, person, token, stored) {
  const other = await stage.tab(person);
  await other.opens(token, new URL(person.page.url()).pathname.replace('/console', ''));
  const title = /Somebody else has changed/;
  const rename = async (/** @type {Person} */ who, /** @type {string} */ from, /** @type {string} */ to) => {
    const edit = who.button(`Edit: ${from}`);
    if (await edit.isVisible()) await edit.click();
    await who.types(/^Name/, to, rule(who, new RegExp(from)));
  };
  await rename(other, 'Night', 'Evening');
  await rename(person, 'Night', 'Late');
  await saves(other);
  await person.presses('Save the rules');
  await person.dialog(title).waitFor();
  stage.check(await person.has(/Evening/), 'a conflict shows both versions');
  await person.presses('Overwrite with mine');
  await person.dialog(title).waitFor({ state: 'detached' });
  await until('the own rules are saved', async () => (await stored()) === 'Laboratory,Late');
  stage.check(await person.focusIsKept(), 'one overwrites, knowingly');

  await other.page.reload();
  await other.settled();
  await rename(other, 'Laboratory', 'The lab');
  await rename(person, 'Late', 'Later');
  await saves(other);
  await person.presses('Save the rules');
  await person.dialog(title).waitFor();
  await person.presses('Reload, and discard mine');
  await person.dialog(title).waitFor({ state: 'detached' });
  await rule(person, /The lab/).waitFor();
  stage.check((await stored()) === 'The lab,Late', 'or takes what the other saved');
}
