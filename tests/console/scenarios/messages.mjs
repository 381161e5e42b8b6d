// Messages: texts arrive live, are answered, taken over and handed back; STOP is respected; consent is recorded by hand.

import { until } from '../support/report.mjs';

export const name = 'messages';
const ANNA = '+13125550123';
const BEN = '+13125550124';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const agent = await server.agent(token, { name: 'Lakeside Physio', areaCode: '415', messaging: 'OFF' });
  const to = agent.phoneNumber.number;
  const person = await stage.person();
  await person.opens(token, '/messages');
  await person.sees(/^No messages yet/);
  await server.text({ to, from: ANNA, body: 'Can I come on Friday?' });
  await person.row(ANNA).waitFor();
  stage.check(await person.row(ANNA).getByText('Can I come on Friday?').isVisible(), 'a text arrives in the open list');

  await person.link(ANNA).click();
  await person.heading(`Messages with ${ANNA}`).waitFor();
  await person.settled();
  await answers(stage, person, to);
  await older(stage, person, to);
  await changesHands(stage, person, token);
  await stops(stage, person, to);
  await writes(stage, person, token);
  await losesAnAnswer(stage, person, token);
  await filters(stage, person, agent);
  await person.visits('/messages/nothing');
  await person.sees('There are no such messages');
  await person.visits(`/messages/${agent.id}`);
  await person.sees('There are no such messages');
  stage.check(true, 'a wrong link is answered in words');
}

/** @typedef {import('../support/person.mjs').Person} Person */

/** @param {import('../support/stage.mjs').Stage} stage @param {Person} person */
async function answers(stage, person) {
  const field = person.field('Your answer');
  await field.fill('Friday at 10 works.');
  await person.sees('19 of 1,600 characters, 1 segment (GSM-7).');
  await field.fill(`Friday at 10 works 🦷 ${'x'.repeat(70)}`);
  await person.sees(/2 segments \(UCS-2\)/);
  stage.check(true, 'encoding, segments and characters are shown while one types');
  await field.fill('x'.repeat(1601));
  await person.sees('too long for one message');
  await person.presses('Send');
  await person.page.locator('form .field-error').filter({ visible: true }).waitFor();
  stage.check((await field.inputValue()).length === 1601, 'a text that is too long is refused at its field, and kept');
  await field.fill('Friday at 10 works.');
  await person.presses('Send');
  const own = person.page.getByRole('listitem').filter({ hasText: 'Friday at 10 works.' });
  await own.getByText('Delivered').waitFor();
  stage.check(
    (await own.count()) === 1 && (await field.inputValue()) === '',
    'an answer is sent once, and followed until it is delivered',
  );
  await own.getByText(/1 segment/).waitFor();
  await stage.server.text({ to: await numberOf(person), from: ANNA, body: 'Thank you!' });
  await person.sees('Thank you!');
  stage.check(true, 'a text arrives in the open thread');
}

/** The tenant's number of the open thread. @param {Person} person */
const numberOf = async (person) => (await person.link(/^\+1415/).textContent()) ?? '';

/** Many texts: older ones on demand, none twice, none missing. @param {import('../support/stage.mjs').Stage} stage @param {Person} person @param {string} to */
async function older(stage, person, to) {
  for (let count = 1; count <= 40; count += 1)
    await stage.server.text({ to, from: ANNA, body: `Text number ${count}.` });
  await person.sees('Text number 40.');
  await person.page.reload();
  await person.settled();
  const items = person.page.getByRole('listitem').filter({ hasText: /Incoming|Outgoing/ });
  await until('the newest', async () => (await items.count()) === 30);
  stage.check(
    await items.last().evaluate((item) => {
      const box = item.closest('.conversation')?.getBoundingClientRect();
      return item.getBoundingClientRect().bottom <= (box?.bottom ?? 0) + 1;
    }),
    'a long thread opens at its newest message',
  );
  await person.presses('Show older messages');
  await until('all', async () => (await items.count()) === 43);
  const first = (await items.first().textContent()) ?? '';
  stage.check(
    first.includes('Can I come on Friday?') && !(await person.has('Show older messages')),
    'older messages come on demand, oldest first',
  );
  await stage.server.text({ to, from: ANNA, body: 'One more.' });
  await until('one more', async () => (await items.count()) === 44);
  const texts = await items.allTextContents();
  stage.check(
    new Set(texts.map((text) => text.replace(/^.*[AP]M/, ''))).size === 44,
    'and stay when others arrive, none twice',
  );
}

/** @param {import('../support/stage.mjs').Stage} stage @param {Person} person @param {string} token */
async function changesHands(stage, person, token) {
  const handling = async () => {
    const { messageThreads } = await stage.server.api(token, '{ messageThreads { nodes { handling } } }');
    return messageThreads.nodes[0].handling;
  };
  await person.presses('Take over');
  await person.sees('A person has taken over');
  stage.check((await handling()) === 'PERSON' && (await person.focusIsKept()) !== 'nothing', 'a thread is taken over');
  await person.presses('Hand back to the agent');
  await person.sees(/does not answer texts/);
  stage.check((await handling()) === 'AGENT' && (await person.focusIsKept()) !== 'nothing', 'and handed back');
  await person.presses('Leave to nobody');
  await person.sees('Nobody has taken this over');
  stage.server.letWait(ANNA);
  await person.goesTo('Messages');
  await person.row(ANNA).getByText('Waiting for a person').waitFor();
  const badge = person.page.getByRole('link', { name: 'Messages 1 waiting for a person' });
  await badge.waitFor();
  stage.check(true, 'a thread that waits for a person stands out in the list and in the navigation');
  await person.link(ANNA).click();
  await person.sees('The agent could not answer.');
  await person.presses('Take over');
  await badge.waitFor({ state: 'detached' });
  stage.check((await handling()) === 'PERSON', 'until somebody takes it over');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {Person} person @param {string} to */
async function stops(stage, person, to) {
  const field = person.field('Your answer');
  await field.fill('A text that was begun');
  await stage.server.text({ to, from: ANNA, body: 'STOP' });
  await person.sees('They asked for no more texts');
  stage.check(
    (await field.inputValue()) === 'A text that was begun' && (await person.button('Send').isDisabled()),
    'after STOP nothing can be sent, and what was typed is kept',
  );
  await field.fill('');
  await person.goesTo('Messages');
  await person.presses('Write a message');
  await person.types(/^To/, '+1 (312) 555-0123');
  await person.types('Text', 'Are you there?');
  await person.presses('Send');
  const refused = person
    .dialog('Write a message')
    .locator('.field-error, .notice.error')
    .filter({ visible: true })
    .first();
  await refused.waitFor();
  const why = (await refused.textContent()) ?? '';
  stage.check(
    /no more text/.test(why) &&
      !/[a-z][A-Z]/.test(why) &&
      (await person.field('Text').inputValue()) === 'Are you there?',
    `a new message to them is refused in words, and kept: ${why}`,
  );
  person.answers.push(true);
  await person.page.keyboard.press('Escape');
  await person.dialog().waitFor({ state: 'detached' });
  await person.link(ANNA).click();
  await person.sees('They asked for no more texts');
  await agreesOtherwise(stage, person);
}

/** @param {import('../support/stage.mjs').Stage} stage @param {Person} person */
async function agreesOtherwise(stage, person) {
  await person.presses('Record consent…');
  const dialog = person.dialog('Record consent');
  await dialog.getByText('They agreed to texts').click();
  await person.sees(/you may have to prove it/);
  await person.presses('Record');
  await person.sees('Confirm that this is what they said.');
  stage.check(true, 'consent is recorded only after what the law asks was read and confirmed');
  await dialog.getByText('They told us so themselves').click();
  await person.presses('Record');
  await dialog.waitFor({ state: 'detached' });
  await person.misses('They asked for no more texts');
  stage.check(
    (await person.has('Agreed to texts')) && (await person.focusIsKept()) !== 'nothing',
    'recorded, it permits texts again',
  );
  await isStillBlocked(stage, person);
}

/** The carrier keeps its own block after STOP. @param {import('../support/stage.mjs').Stage} stage @param {Person} person */
async function isStillBlocked(stage, person) {
  await person.types('Your answer', 'Are you sure?');
  await person.presses('Send');
  const lost = person.page.getByRole('listitem').filter({ hasText: 'Are you sure?' });
  await lost.getByText('Not sent').waitFor();
  const why = (await lost.locator('.field-error').textContent()) ?? '';
  stage.check(/^[A-Z].*START.*\.$/.test(why), `a text that the carrier rejects says why: ${why}`);
  await person.sees('They asked for no more texts');
  await person.goesTo('Now');
  await person.sees(/A text message from a number of .* could not be sent/);
  await person.link('Show the messages').click();
  await person.heading('Messages').waitFor();
  await person.row(ANNA).getByText('Not sent').waitFor();
  stage.check(true, 'it is among what needs attention, with a way to the messages');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {Person} person @param {string} token */
async function writes(stage, person, token) {
  await person.goesTo('Messages');
  await person.presses('Write a message');
  await person.types(/^To/, '312 555 0124');
  await person.types('Text', 'We have moved to Elm Street.');
  await person.presses('Send');
  await person.dialog().locator('.field-error').filter({ visible: true }).first().waitFor();
  await until('the field has the focus', async () => /^input/.test(await person.focus()));
  stage.check(true, 'a number without a country is refused at its field, which has the focus');
  await person.types(/^To/, BEN);
  await person.presses('Send');
  await person.heading(`Messages with ${BEN}`).waitFor();
  await person.sees('We have moved to Elm Street.');
  const { messages } = await stage.server.api(token, '{ messages(filter: { direction: OUTBOUND }) { nodes { to } } }');
  const sent = messages.nodes.filter((/** @type {{ to: string }} */ message) => message.to === BEN);
  stage.check(sent.length === 1, 'a first message to somebody opens their thread');
}

/** The text is sent, but the answer does not arrive. @param {import('../support/stage.mjs').Stage} stage @param {Person} person @param {string} token */
async function losesAnAnswer(stage, person, token) {
  person.expectFailedRequests();
  let isLost = false;
  await person.page.route('**/graphql', async (route) => {
    if (isLost || !route.request().postData()?.includes('sendMessage')) return route.fallback();
    isLost = true;
    await route.fetch();
    return route.abort();
  });
  await person.types('Your answer', 'The key is under the mat.');
  await person.presses('Send');
  await person.sees('Whether the change was made is not known.');
  stage.check(
    (await person.field('Your answer').inputValue()) === 'The key is under the mat.',
    'if the answer is lost, the person is told, and the text is kept',
  );
  await person.presses('Send');
  await until('the form is empty', async () => (await person.field('Your answer').inputValue()) === '');
  const { messages } = await stage.server.api(
    token,
    '{ messages(filter: { direction: OUTBOUND }) { nodes { body } } }',
  );
  const sent = messages.nodes.filter((/** @type {{ body: string }} */ { body }) => body.includes('under the mat'));
  stage.check(sent.length === 1, 'sent again, it is still one text');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {Person} person @param {{ id: string, phoneNumber: { id: string } }} agent */
async function filters(stage, person, agent) {
  await person.goesTo('Messages');
  await person.row(ANNA).waitFor();
  await person.types('With', '+1 312 555 0124');
  await until('one thread', async () => (await person.has(BEN)) && !(await person.has(ANNA)));
  stage.check(person.page.url().includes('with='), 'threads are found by the other number');
  await person.types('With', '+19995550100');
  await person.sees(/^No messages match/);
  await person.presses('Clear the filters');
  await person.row(ANNA).waitFor();
  await person.chooses('Answered by', 'A person');
  await until('those of people', async () => (await person.has(ANNA)) && !(await person.has(BEN)));
  await person.link(ANNA).click();
  await person.heading(`Messages with ${ANNA}`).waitFor();
  await person.link('← Messages').click();
  await person.heading('Messages').waitFor();
  stage.check(person.page.url().includes('handling=PERSON'), 'the way back keeps the filters');
  await person.visits(`/messages?number=${agent.phoneNumber.id}&agent=${agent.id}`);
  stage.check((await person.has(ANNA)) && (await person.has(BEN)), 'a link can filter by number and agent');
}
