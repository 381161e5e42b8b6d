// Numbers: bought, released, kept after all, repaired.

import { until } from '../support/report.mjs';

export const name = 'numbers';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const agent = await server.agent(token, { name: 'Elm Street Vets' });
  const person = await stage.person();
  await person.opens(token, '/numbers');
  stage.check(await person.row(agent.phoneNumber.number).getByText('Active').isVisible(), 'the number is in the list');
  await buys(stage, person);
  await releases(stage, person, agent.phoneNumber.number);
  await repairs(stage, person, agent.phoneNumber.number);
  await filters(stage, person);
  await isTaken(stage, person, token, (await server.agent(token, { name: 'Lakeside Physio' })).phoneNumber);
  await leaves(stage, person, agent.phoneNumber.number);
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function buys(stage, person) {
  await person.presses('Buy a number');
  const dialog = person.dialog('Buy a number');
  await dialog.waitFor();
  await person.sees(/already has the number/);
  await person.types('Area code', '9');
  await person.sees(/whole area code of three digits/);
  await person.types('Area code', '646');
  await person.sees(/\+1646555/);
  const choice = dialog.getByRole('radio').nth(1);
  await choice.check();
  await person.types('Label', 'Second line');
  const button = person.button(/^Buy \+1646.* for \$/);
  await button.waitFor();
  stage.check(true, 'numbers on sale are shown as one types, each with its price');
  const number = /\+\d+/.exec((await button.textContent()) ?? '')?.[0] ?? '';
  await button.click();
  await person.sees(/is yours, and its agent answers/);
  await person.presses('Done');
  await dialog.waitFor({ state: 'detached' });
  await person.row(number).getByText('Active').waitFor();
  await person.row(number).getByText('Second line').waitFor();
  stage.check(await person.focusIsKept(), 'a chosen number is bought, with its label');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} number */
async function releases(stage, person, number) {
  const row = person.row(number);
  await person.presses(`Release: ${number}`);
  await person.dialog(/^Release/).waitFor();
  await person.presses('Release the number');
  await person.sees(/the last 4 digits of the number you want/);
  await person.types(/last 4 digits/, number.slice(-4));
  await person.presses('Release the number');
  await row.getByText('Being released').waitFor();
  await person.sees(/Waiting for the end of the grace period/, person.dialog());
  stage.check(true, 'a release is asked for with the last digits, and waits for the end of the grace period');
  await person.presses('Close');
  await person.dialog().waitFor({ state: 'detached' });
  await person.presses(`Keep it: ${number}`);
  await person.dialog(/^Keep/).waitFor();
  await person.presses('Keep the number');
  await row.getByText('Active', { exact: true }).waitFor();
  await person.sees(`${number} is kept.`);
  stage.check(await person.focusIsKept(), 'within the grace period a release is undone');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} number */
async function repairs(stage, person, number) {
  await person.presses(`Repair: ${number}`);
  await person.dialog(/^Repair/).waitFor();
  await person.presses('Repair the number');
  await person.sees('Repair the number');
  await until('the repair is done', () => person.has(/^Done$/));
  await person.presses('Close');
  await person.dialog().waitFor({ state: 'detached' });
  stage.check(await person.focusIsKept(), 'a number is repaired');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function filters(stage, person) {
  await person.chooses('State', 'Inactive');
  await person.sees('No number matches these filters.');
  stage.check(person.page.url().includes('status=INACTIVE'), 'filters are in the address');
  await person.presses('Show all numbers');
  await person.row(/\+1646555/).waitFor();
  stage.check(true, 'an empty list offers the way out');
}

/** A number leaves the filtered list as it is released. @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} number */
async function leaves(stage, person, number) {
  await person.chooses('State', 'Active');
  await person.presses(`Release: ${number}`);
  await person.types(/last 4 digits/, number.slice(-4));
  await person.presses('Release the number');
  await person.row(number).waitFor({ state: 'detached' });
  const dialog = person.dialog(`Release ${number}`);
  await person.sees(/Waiting for the end of the grace period/, dialog);
  stage.check(await dialog.isVisible(), 'the progress of a release stays, although the number has left the list');
  await person.presses('Close');
  await dialog.waitFor({ state: 'detached' });
  stage.check(/^h1/.test(await person.focusIsKept()), 'and the focus goes to the heading, since the button is gone');
}

/**
 * It leaves the list because of somebody else, who releases it while a dialog about it is open.
 * @param {import('../support/stage.mjs').Stage} stage
 * @param {import('../support/person.mjs').Person} person
 * @param {string} token
 * @param {{ id: string, number: string }} held
 */
async function isTaken(stage, person, token, { id, number }) {
  await person.chooses('State', 'Active');
  await person.presses(`Assign: ${number}`);
  const dialog = person.dialog(`Assign ${number}`);
  await person.chooses('Assign to', 'The pool: no agent');
  const release = 'mutation R($input: ReleasePhoneNumberInput!) { releasePhoneNumber(input: $input) { userErrors { message } } }';
  await stage.server.api(token, release, { input: { id } });
  await person.presses('Put it into the pool');
  await person.row(number).waitFor({ state: 'detached' });
  await person.sees(/being released/, dialog);
  stage.check(await dialog.isVisible(), 'a dialog says why it was refused, although its number has left the list');
  await person.presses('Cancel');
  await dialog.waitFor({ state: 'detached' });
  stage.check(/^h1/.test(await person.focusIsKept()), 'and the focus goes to the heading, since the button is gone');
}
