// Carrier accounts: an own one is connected, its token replaced, and it is disconnected.

import { randomBytes } from 'node:crypto';
import { until } from '../support/report.mjs';

export const name = 'accounts';

/** A token as the carrier's are. */
const newToken = () => randomBytes(16).toString('hex');

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const secret = newToken();
  const { sid } = await server.sandboxed('accounts', { friendly_name: 'Harbour Dental', auth_token: secret });
  const person = await stage.person();
  await person.opens(token, '/numbers/accounts');
  await person.row('The platform’s account').getByText('Active').waitFor();
  stage.check((await person.row('The platform’s account').getByRole('button').count()) === 0, 'the platform’s account is there, and cannot be changed');
  await connects(stage, person, sid, secret);
  await replaces(stage, person, token, sid);
  await disconnects(stage, person);
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} sid @param {string} secret */
async function connects(stage, person, sid, secret) {
  await person.presses('Connect your own account');
  const dialog = person.dialog('Connect your own account');
  await dialog.waitFor();
  await person.types('Account SID', 'AC1');
  await person.types('Auth token', secret);
  await person.presses('Connect the account');
  await person.sees(/An account SID is AC and 32 hexadecimal digits/);
  await person.types('Account SID', sid);
  await person.types('Auth token', newToken());
  await person.presses('Connect the account');
  await person.sees(/The carrier rejects this auth token/);
  stage.check((await person.field('Auth token').getAttribute('type')) === 'password', 'a wrong token is refused at its field, which hides what is typed');
  await person.types('Auth token', secret);
  await person.presses('Connect the account');
  await dialog.waitFor({ state: 'detached' });
  const row = person.row(sid);
  await row.getByText('Active').waitFor();
  stage.check(await person.focusIsKept(), 'an account is connected');
  stage.check(!(await person.page.content()).includes(secret), 'and its token is nowhere in the page');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} token @param {string} sid */
async function replaces(stage, person, token, sid) {
  const next = newToken();
  await stage.server.sandboxed(`accounts/${sid}`, { auth_token: next });
  await person.presses(`Replace the token: ${sid}`);
  await person.dialog('Replace the token').waitFor();
  stage.check((await person.field('Account SID').inputValue()) === sid, 'a token is replaced for the account that was chosen');
  await person.types('Auth token', next);
  await person.presses('Replace the token', person.dialog());
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('The token is replaced.');
  const { carrierAccounts } = await stage.server.api(token, '{ carrierAccounts { accountSid status } }');
  const own = carrierAccounts.find((/** @type {any} */ { accountSid }) => accountSid === sid);
  stage.check(own?.status === 'ACTIVE' && carrierAccounts.length === 2, 'and the account stays the same one');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function disconnects(stage, person) {
  await person.presses(/^Disconnect: AC/);
  await person.dialog('Disconnect the account?').waitFor();
  await person.presses('Disconnect the account');
  await person.dialog().waitFor({ state: 'detached' });
  await until('the account is gone', async () => (await person.page.getByRole('button', { name: /^Disconnect: AC/ }).count()) === 0);
  stage.check(await person.focusIsKept(), 'an account without numbers is disconnected');
  await person.visits('/trail');
  await person.sees('Connect a carrier account');
  stage.check(true, 'the trail has words for it');
}
