// Carrier accounts: an own one is connected, a number in it imported, its token rejected and replaced, and it is disconnected.

import { randomBytes } from 'node:crypto';
import { until } from '../support/report.mjs';

export const name = 'accounts';

const NUMBER = '+12015550144';

/** A token as the carrier's are. */
const newToken = () => randomBytes(16).toString('hex');

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  await server.agent(token, { name: 'Harbour Dental', provisionPhone: false, areaCode: null });
  const secret = newToken();
  const { sid } = await server.sandboxed('accounts', { friendly_name: 'Harbour Dental', auth_token: secret });
  const person = await stage.person();
  await person.opens(token, '/numbers/accounts');
  await person.row('The platform’s account').getByText('Active').waitFor();
  stage.check((await person.row('The platform’s account').getByRole('button').count()) === 0, 'the platform’s account is there, and cannot be changed');
  await connects(stage, person, sid, secret);
  await imports(stage, person, sid);
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
  await dialog.getByText('Use an API key for requests').click();
  await person.types('API key SID', `SK${newToken()}`);
  await person.presses('Connect the account');
  await person.sees(/An API key has a SID and a secret/);
  stage.check(true, 'half an API key is refused at its field');
  await person.types('API key SID', '');
  await person.presses('Connect the account');
  await dialog.waitFor({ state: 'detached' });
  const row = person.row(sid);
  await row.getByText('Active').waitFor();
  stage.check(await person.focusIsKept(), 'an account is connected');
  stage.check(!(await person.page.content()).includes(secret), 'and its token is nowhere in the page');
}

/** A number that the account holds. @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} sid */
async function imports(stage, person, sid) {
  const voice_url = 'https://former.example.com/voice';
  await stage.server.sandboxed('numbers', { phone_number: NUMBER, account_sid: sid, voice_url });
  await person.link('Import a number').click();
  await person.heading('Import a number').waitFor();
  await person.settled();
  await person.types(/^Number/, NUMBER);
  await person.chooses('Agent', 'The pool: no agent');
  await person.sees(/Nobody answers its calls from the import on/);
  await person.presses('Import the number');
  await person.sees(/is in use by another system/);
  await person.presses('Replace the settings and import');
  await person.sees(`${NUMBER} is imported, and its calls are answered here from now on.`);
  await person.link('Open the number').click();
  await person.heading(NUMBER).waitFor();
  await person.settled();
  stage.check(
    (await person.has('Your own account')) && (await person.has(sid)),
    'a tenant imports a number from its own account, and the number’s page says so',
  );
}

/**
 * A token that was rotated without telling us.
 * @param {import('../support/stage.mjs').Stage} stage
 * @param {import('../support/person.mjs').Person} person
 * @param {string} token
 * @param {string} sid
 */
async function replaces(stage, person, token, sid) {
  const next = newToken();
  await stage.server.sandboxed(`accounts/${sid}`, { auth_token: next });
  await stage.server.call({ to: NUMBER, from: '+13125550151' });
  await until('the number’s page says that the token is rejected', async () => {
    await person.page.reload();
    await person.settled();
    return person.has(/The carrier rejects the credentials of this number’s account/);
  }, 60_000);
  await person.visits('');
  await person.sees(/has credentials that the carrier rejects/);
  stage.check(true, 'a rejected token is told on the number’s page and on the first one');
  await person.link(/^Open the accounts/).click();
  await person.heading('Carrier accounts').waitFor();
  await person.row(sid).getByText('Credentials rejected').waitFor();
  await person.presses(`Replace the credentials: ${sid}`);
  await person.dialog('Replace the credentials').waitFor();
  stage.check((await person.field('Account SID').inputValue()) === sid, 'credentials are replaced for the account that was chosen');
  await person.types('Auth token', next);
  await person.presses('Replace the credentials', person.dialog());
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('The credentials are replaced.');
  const { carrierAccounts } = await stage.server.api(token, '{ carrierAccounts { accountSid status } }');
  const own = carrierAccounts.find((/** @type {any} */ { accountSid }) => accountSid === sid);
  stage.check(own?.status === 'ACTIVE' && carrierAccounts.length === 2, 'and the account stays the same one');
}

/** Not while it holds a number. @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person */
async function disconnects(stage, person) {
  await person.presses(/^Disconnect: AC/);
  await person.dialog('Disconnect the account?').waitFor();
  await person.presses('Disconnect the account');
  await person.sees(/of your numbers are in this account/);
  stage.check(true, 'an account that holds a number is not disconnected, and it is said why');
  await person.visits('/numbers');
  await person.presses(`Give back: ${NUMBER}`);
  await person.presses('Put the former settings back');
  const dialog = person.dialog(`Give back ${NUMBER}`);
  await dialog.getByText('Done', { exact: true }).waitFor();
  await person.row(NUMBER).waitFor({ state: 'detached' });
  stage.check(await dialog.isVisible(), 'a number is given back from the list, and the progress stays though its row is gone');
  await person.presses('Close');
  await dialog.waitFor({ state: 'detached' });
  stage.check(/^h1/.test(await person.focusIsKept()), 'and the focus goes to the heading');
  await person.visits('/numbers/accounts');
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
