// A number moves between the tenant's subaccount and the platform's account.

import { randomBytes } from 'node:crypto';
import { until } from '../support/report.mjs';

export const name = 'moves';

/**
 * @typedef {object} Practice
 * @property {import('../support/stage.mjs').Stage} stage
 * @property {import('../support/server.mjs').OwnServer} server
 * @property {import('../support/person.mjs').Person} person
 * @property {string} token
 * @property {{ id: string, number: string }} held
 */

/** A server on which every tenant has a subaccount. @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const server = await stage.ownServer({
    CARRIER_ACCOUNTS: 'subaccount',
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    RATE_LIMIT_PER_MINUTE: '0',
    // So that the progress is seen.
    OPERATION_WAIT: '0s',
  });
  const { token } = server.tenant();
  const { phoneNumber: held } = await server.agent(token, { name: 'Elm Street Vets' });
  const person = await stage.person({ server });
  await person.opens(token, `/numbers/${held.id}`);
  const practice = { stage, server, person, token, held };
  await fails(practice);
  await moves(practice);
}

/** The carrier does not move a number whose order is not finished. @param {Practice} practice */
async function fails(practice) {
  const { stage, server, person } = practice;
  await person.sees('Your subaccount');
  const { sid } = await atCarrier(practice);
  await server.sandboxed(`numbers/${sid}`, { obstacle: 'hosting_order' });
  await asksToMove(person, 'The platform’s account');
  await person.presses('Move the number');
  await person.dialog().getByText('Failed', { exact: true }).waitFor();
  const said = await person.dialog().getByRole('alert').textContent();
  stage.check(/its order is not finished/.test(said ?? ''), 'a move that the carrier rejects says why');
  await person.presses('Close');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('Your subaccount');
  stage.check(/Move the number/.test(await person.focusIsKept()), 'and the number stays in its account');
  await server.sandboxed(`numbers/${sid}`, { obstacle: null });
}

/** Two people move it at once: the second is told. @param {Practice} practice */
async function moves(practice) {
  const { stage, server, person, held } = practice;
  const { account: former } = await atCarrier(practice);
  const second = await stage.tab(person);
  await second.opens(practice.token, `/numbers/${held.id}`);
  await asksToMove(second, 'The platform’s account');
  await server.fault({
    match: { provider: 'twilio', method: 'POST', path_contains: 'IncomingPhoneNumbers/PN' },
    // Long enough for the second person on a busy machine.
    action: { delay_ms: 8000 },
    times: 1,
  });
  await asksToMove(person, 'The platform’s account');
  await person.presses('Move the number');
  const step = person.dialog().locator('[aria-current=step]');
  await step.getByText('Move the number, and look it up in the other account').waitFor();
  stage.check(true, 'the progress of the move is seen');
  await second.presses('Move the number');
  const refused = await second.dialog().getByRole('alert').textContent();
  stage.check(/under way for this number/.test(refused ?? ''), 'a second move at the same time is refused, and says why');
  await person.dialog().getByText('Done', { exact: true }).waitFor();
  await person.presses('Close');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('The platform’s account');
  stage.check(/Move the number/.test(await person.focusIsKept()), 'then the number’s page names the other account');
  const { account: present } = await atCarrier(practice);
  stage.check(present !== former, 'and the carrier holds the number there');
  await movesBack(practice, former);
}

/** To the account that it came from. @param {Practice} practice @param {string} former the carrier's id of that account */
async function movesBack(practice, former) {
  const { stage, server, person, token, held } = practice;
  await asksToMove(person, 'Your subaccount');
  await person.presses('Move the number');
  await person.dialog().getByText('Done', { exact: true }).waitFor();
  await person.presses('Close');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees('Your subaccount');
  await person.misses('The platform’s account');
  await until('the carrier holds the number in its former account', async () => (await atCarrier(practice)).account === former);
  const query =
    '{ operations(first: 1, filter: { kind: MOVE_NUMBER }) { nodes { state phoneNumber { id carrierAccount { kind } } } } }';
  const moved = await until('the move has succeeded', async () => {
    const { operations } = await server.api(token, query);
    const [{ state, phoneNumber }] = operations.nodes;
    return state === 'SUCCEEDED' && phoneNumber;
  });
  stage.check(
    moved.id === held.id && moved.carrierAccount.kind === 'SUBACCOUNT',
    'it is moved back to its former account',
  );
}

/** Opens the dialog, which names the account. @param {import('../support/person.mjs').Person} person @param {string} account */
async function asksToMove(person, account) {
  await person.presses('Move the number to another account');
  await person.dialog(/^Move/).waitFor();
  await person.sees(account, person.dialog());
}

/** The number as the emulated carrier has it. @param {Practice} practice */
async function atCarrier({ server, held }) {
  return until('the carrier has the number', async () => {
    const { numbers } = await server.sandboxes('state');
    return numbers.find((/** @type {any} */ number) => number.phone_number === held.number);
  });
}
