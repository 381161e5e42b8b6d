// Keep a number of another carrier: forwarded first, then ported.

import { until } from '../support/report.mjs';

export const name = 'kept';

const NUMBER = '+13105550142';
const TOLL_FREE = '+18885550142';
/** The least that is a PDF for whoever looks at the first bytes. */
const BILL = { name: 'bill.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7\nA bill.\n%%EOF\n') };
/** Longest wait in milliseconds for what the carrier tells: a server may have to ask it. */
const CARRIER = 120_000;

/** @typedef {{ stage: import('../support/stage.mjs').Stage, person: import('../support/person.mjs').Person, token: string }} Practice */

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  await server.agent(token, { name: 'Harbour Dental', provisionPhone: false, areaCode: null });
  const person = await stage.person();
  const practice = { stage, person, token };
  await person.opens(token, '/numbers/kept');
  await keeps(practice);
  await forwards(practice);
  await refuses(practice);
  await ports(practice);
  await corrects(practice);
  await cancels(practice);
}

/** @param {Practice} practice */
async function keeps({ stage, person }) {
  await person.sees(/You keep no number yet/);
  await person.presses('Keep a number');
  await person.dialog('Keep a number').waitFor();
  await person.presses('Can it be ported?');
  await person.sees('Type the number first.');
  await person.types('Your number at the other carrier', TOLL_FREE);
  await person.presses('Can it be ported?');
  await person.sees(new RegExp(`\\${TOLL_FREE} cannot be ported\\.`));
  stage.check(await person.has(/toll-free/i), 'before anything is bought it is said whether a number can be ported, and why not');
  await person.types('Your number at the other carrier', NUMBER);
  await person.misses(/cannot be ported/);
  await person.chooses('Agent', 'Harbour Dental');
  await person.presses('Keep the number');
  await person.sees(/Next, forward the calls of your number/);
  stage.check(true, 'a number is bought to forward to');
  await person.link('Open the kept number').click();
  await person.heading(NUMBER).waitFor();
  await person.settled();
  await person.sees(/On the phone of \+13105550142, dial one of these/);
  stage.check(await person.has(/forwards all calls/), 'the page says how calls are forwarded');
}

/** A call through the old number proves the forwarding. @param {Practice} practice */
async function forwards({ stage, person, token }) {
  const { server } = stage;
  await person.presses('Announce a test call…');
  await person.dialog('Announce a test call').waitFor();
  await person.types('The phone you call from', NUMBER);
  await person.presses('Announce the call');
  await person.dialog().locator('[aria-invalid=true]').waitFor();
  stage.check(true, 'a test call from the kept number itself is refused at its field');
  await person.types('The phone you call from', '+19175550113');
  await person.presses('Announce the call');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees(/Call \+13105550142 from \+19175550113 before/);
  stage.check(true, 'an announced test call says when and from where to call');
  const { target } = await stored(server, token);
  await server.call({ to: target.number, from: '+19175550188', parameters: { ForwardedFrom: NUMBER } });
  await person.sees('A forwarded call has arrived: callers of +13105550142 reach the agent.');
  stage.check(true, 'a call that was forwarded is seen');
}

/** What this page or the API finds wrong is said at its field, and what was typed is kept. @param {Practice} practice */
async function refuses({ stage, person }) {
  await person.sees('+13105550142 can be ported.');
  await person.presses('Request the port…');
  const dialog = person.dialog(/^Port /);
  await dialog.waitFor();
  await person.presses('Request the port');
  await person.sees('Choose a bill of your present carrier.');
  const file = person.field(/^Bill/);
  await file.setInputFiles({ name: 'bill.txt', mimeType: 'text/plain', buffer: Buffer.from('A bill.') });
  await person.sees('The bill must be a PDF, JPEG or PNG file.');
  await file.setInputFiles({ ...BILL, buffer: Buffer.alloc(10 * 1024 * 1024 + 1, '%PDF') });
  await person.sees(/at most 10 MB: scan it/);
  stage.check(true, 'a bill of the wrong type or size is refused before it is sent');
  await file.setInputFiles({ ...BILL, name: 'photo.png', mimeType: 'image/png' });
  await fills(person);
  await person.types(/^State/, 'N');
  await person.presses('Request the port');
  await person.sees(/A state has two letters/);
  await person.sees(/The bill’s content is not image\/png|The bill's content is not image\/png/);
  stage.check((await person.field(/^Customer/).inputValue()) === 'Harbour Dental LLC', 'refusals are at their fields, and what was typed is kept');
}

/** @param {Practice} practice */
async function ports(practice) {
  const { stage, person } = practice;
  await person.types(/^State/, 'NY');
  await person.field(/^Bill/).setInputFiles(BILL);
  await person.presses('Request the port');
  await person.dialog().waitFor({ state: 'detached' });
  await person.sees(/is requested/);
  stage.check(await person.focusIsKept(), 'a port is requested, with a bill');
  const sid = await until('the carrier has the port', () => portOf(stage.server), CARRIER);
  await act(stage.server, sid, { action: 'advance' });
  await until('the letter waits for a signature', () => person.has('Waits for a signature'), CARRIER);
  const letter = person.link('Open the letter to sign');
  stage.check(/^https?:/.test((await letter.getAttribute('href')) ?? ''), 'the letter of authorization has a link');
  await person.visits('/numbers/kept');
  await person.row(NUMBER).getByText('Waits for a signature').waitFor();
  stage.check((await person.row(NUMBER).getByText('3 of 8 steps are done.').count()) === 1, 'the list shows how far a number is');
  await person.link(NUMBER).click();
  await person.heading(NUMBER).waitFor();
  await person.settled();
}

/** The reason of a rejection in words, and another request. @param {Practice} practice */
async function corrects(practice) {
  const { stage, person } = practice;
  const first = await portOf(stage.server);
  await act(stage.server, first, { action: 'sign' });
  await act(stage.server, first, { action: 'reject', code: 22155, reason: 'PIN mismatch' });
  await until('the rejection is shown', () => person.has(/The port was rejected/), CARRIER);
  stage.check(await person.has(/The PIN is wrong.*request the port again/), 'a rejection says why, and what to do');
  await person.presses('Request the port again…');
  await person.dialog(/^Port /).waitFor();
  await fills(person);
  await person.field(/^Bill/).setInputFiles(BILL);
  await person.presses('Request the port');
  await person.dialog().waitFor({ state: 'detached' });
  const second = await until('the carrier has another port', async () => {
    const sid = await portOf(stage.server);
    return sid !== first && sid;
  }, CARRIER);
  stage.check(second !== first, 'a rejected port is requested again with corrected data');
}

/** @param {Practice} practice */
async function cancels({ stage, person, token }) {
  await until('the port is under way', async () => (await stored(stage.server, token)).state === 'PORT_REQUESTED', CARRIER);
  await person.presses('Cancel the port…');
  await person.dialog(/^Cancel the port of/).waitFor();
  await person.presses('Cancel the port');
  await person.dialog().waitFor({ state: 'detached' });
  await until('the port is canceled', () => person.has(/^The port was canceled/), CARRIER);
  await person.presses('Request the port again…');
  await person.dialog(/^Port /).waitFor();
  await person.page.keyboard.press('Escape');
  stage.check(true, 'a port is canceled, and can be requested again');
  await person.visits('/trail');
  await person.sees('Request a port');
  await person.sees('Cancel a port');
  stage.check(true, 'the trail has words for it');
}

/** @param {import('../support/person.mjs').Person} person */
async function fills(person) {
  for (const [label, value] of /** @type {[RegExp, string][]} */ ([
    [/^Customer/, 'Harbour Dental LLC'],
    [/^Account number/, '4711'],
    [/^PIN/, '1234'],
    [/^Who may sign/, 'The owner'],
    [/^E-mail address/, 'owner@harbour-dental.example'],
    [/^Street/, '1 Harbour Street'],
    [/^City/, 'New York'],
    [/^State/, 'NY'],
    [/^ZIP/, '10001'],
  ]))
    await person.types(label, value);
}

/** @param {import('../support/server.mjs').Server} server @param {string} token */
async function stored(server, token) {
  const { keptNumbers } = await server.api(token, '{ keptNumbers { nodes { id state target { number } } } }');
  return keptNumbers.nodes[0];
}

/** The latest port of the number at the emulated carrier. @param {import('../support/server.mjs').Server} server @returns {Promise<string | undefined>} */
async function portOf(server) {
  const { ports } = await server.sandboxes('ports');
  const own = ports.filter((/** @type {any} */ port) => JSON.stringify(port).includes(NUMBER));
  return own.at(-1)?.port_in_request_sid;
}

/** @param {import('../support/server.mjs').Server} server @param {string | undefined} sid @param {object} order */
const act = (server, sid, order) => server.sandboxed(`ports/${sid}`, order);
