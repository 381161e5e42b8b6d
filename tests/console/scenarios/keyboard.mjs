// Everything by the keyboard alone.

import { Failed, until } from '../support/report.mjs';

export const name = 'keyboard';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  const person = await stage.person();
  const { keyboard } = person.page;
  await person.page.goto(`${server.base}/console`);
  await person.field('Token').waitFor();
  await tabTo(person, 'Token');
  await keyboard.insertText(token);
  await keyboard.press('Enter');
  await person.heading('Now').waitFor();
  await person.settled();
  stage.check(true, 'signs in');

  await tabTo(person, 'Create your first agent');
  await keyboard.press('Enter');
  await person.heading('Create an agent').waitFor();
  await tabTo(person, 'Name of the practice');
  await keyboard.type('Harbour Dental');
  await tabTo(person, 'Without a number');
  await keyboard.press('Space');
  await tabTo(person, 'Create without a number');
  await keyboard.press('Enter');
  await person.sees('The agent is created');
  stage.check((await person.focus()) !== 'nothing', 'creates an agent, and the focus is on the result');

  await tabTo(person, 'Open the agent');
  await keyboard.press('Enter');
  await person.heading('Harbour Dental').waitFor();
  await person.settled();
  await until('the heading has the focus', async () => /^h1/.test(await person.focus()));
  stage.check(true, 'a new view begins at its heading');
  await tabTo(person, 'Pause…');
  await keyboard.press('Enter');
  await person.dialog(/Pause/).waitFor();
  stage.check((await person.focus()) !== 'nothing', 'a dialog takes the focus');
  await keyboard.press('Escape');
  await person.dialog(/Pause/).waitFor({ state: 'detached' });
  await until('the focus is back', async () => (await person.focus()).includes('Pause'));
  stage.check(true, 'and gives it back');
  await person.page.keyboard.press('Control+Home');
  await tabTo(person, 'Skip to the content', { isBackwards: true });
  await keyboard.press('Enter');
  await tabTo(person, 'Agents', { most: 3 }).catch(() => {});
  stage.check((await person.focus()) !== 'nothing', 'the navigation can be skipped');
  await reorders(stage, person, token);
  await answersText(stage, person, token);
  await assigns(stage, person, token);
  await groups(stage, person, token);
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} token */
async function groups(stage, person, token) {
  await person.visits('/numbers/groups/new');
  const { keyboard } = person.page;
  await tabTo(person, 'Name');
  await keyboard.type('Front desk');
  await tabTo(person, 'Calls go', { most: 1 });
  await keyboard.type('In');
  await tabTo(person, 'Agent 1', { most: 1 });
  await keyboard.type('Harb');
  await tabTo(person, 'Add an agent');
  await keyboard.press('Enter');
  await until('the new line has the focus', async () => /^select/.test(await person.focus()));
  await keyboard.type('Elm');
  await tabTo(person, 'Up: Elm Street Vets');
  await keyboard.press('Enter');
  await until('the moved line has the focus', async () => /^select/.test(await person.focus()));
  await tabTo(person, 'Create the call group');
  await keyboard.press('Enter');
  await person.heading('Front desk').waitFor();
  const { callGroups } = await stage.server.api(token, '{ callGroups { nodes { strategy members { agent { name } } } } }');
  const [group] = callGroups.nodes;
  const names = group.members.map((/** @type {any} */ member) => member.agent.name).join(', ');
  stage.check(
    group.strategy === 'OVERFLOW' && names === 'Elm Street Vets, Harbour Dental',
    'creates a call group, with its agents in another order',
  );
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} token */
async function answersText(stage, person, token) {
  const { server } = stage;
  const { phoneNumbers } = await server.api(token, '{ phoneNumbers { nodes { number } } }');
  await server.text({ to: phoneNumbers.nodes[0].number, from: '+13125550166', body: 'May I bring my dog?' });
  const { keyboard } = person.page;
  await person.visits('/messages');
  await tabTo(person, '+13125550166');
  await keyboard.press('Enter');
  await person.heading('Messages with +13125550166').waitFor();
  await person.settled();
  await tabTo(person, 'Take over');
  await keyboard.press('Enter');
  await person.sees('A person has taken over');
  await until('the focus is on who answers', async () => (await person.focus()).includes('A person has taken over'));
  await tabTo(person, 'Your answer');
  await keyboard.type('Yes, you may.');
  await tabTo(person, 'Send', { most: 1 });
  await keyboard.press('Enter');
  await person.page.getByRole('listitem').filter({ hasText: 'Yes, you may.' }).getByText('Delivered').waitFor();
  stage.check((await person.focus()) === 'button Send', 'takes a thread over and answers');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} token */
async function assigns(stage, person, token) {
  const { server } = stage;
  const { phoneNumbers } = await server.api(token, '{ phoneNumbers { nodes { id } } }');
  const [{ id }] = phoneNumbers.nodes;
  await person.visits(`/numbers/${id}`);
  const { keyboard } = person.page;
  await tabTo(person, 'Assign to…');
  await keyboard.press('Enter');
  await until('the choice has the focus', async () => /^select/.test(await person.focus()));
  await person.front.getByRole('option', { name: 'Harbour Dental' }).waitFor({ state: 'attached' });
  await keyboard.type('Harb');
  await person.sees(/The next call and the next text to .* go to Harbour Dental/);
  await tabTo(person, 'Assign the number');
  await keyboard.press('Enter');
  await person.dialog(/^Assign/).waitFor({ state: 'detached' });
  await until('the focus is back', async () => /Assign to/.test(await person.focus()));
  const read = 'query N($id: ID!) { phoneNumber(id: $id) { agent { name } } }';
  const { phoneNumber } = await server.api(token, read, { id });
  stage.check(phoneNumber.agent.name === 'Harbour Dental', 'assigns a number to another agent');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} token */
async function reorders(stage, person, token) {
  const { server } = stage;
  const { phoneNumber } = await server.agent(token, { name: 'Elm Street Vets', messaging: 'OFF' });
  const rules = ['Holidays', 'Family'].map((name, at) => ({
    name,
    condition: { callers: [`+1212555010${at}`] },
    action: { kind: 'REJECT' },
  }));
  await server.api(
    token,
    'mutation R($input: SetRoutingRulesInput!) { setRoutingRules(input: $input) { userErrors { message } } }',
    { input: { phoneNumberId: phoneNumber.id, rules } },
  );
  await person.visits(`/numbers/${phoneNumber.id}`);
  const { keyboard } = person.page;
  await tabTo(person, /^Up: Family/, { most: 120 });
  await keyboard.press('Enter');
  stage.check((await person.focusIsKept()) !== null, 'a moved rule keeps the focus');
  await tabTo(person, /^Save/, { most: 120 });
  await keyboard.press('Enter');
  await person.sees('The routing rules are saved.');
  const { phoneNumber: stored } = await server.api(
    token,
    'query N($id: ID!) { phoneNumber(id: $id) { routingRules { name } } }',
    { id: phoneNumber.id },
  );
  stage.check(stored.routingRules[0].name === 'Family', 'reorders a rule and saves it');
}

/**
 * Presses Tab until something has the focus; on the way everything that has it must show it.
 * @param {import('../support/person.mjs').Person} person
 * @param {string | RegExp} name
 * @param {{ most?: number, isBackwards?: boolean }} [options]
 */
async function tabTo(person, name, { most = 80, isBackwards = false } = {}) {
  const wanted = name instanceof RegExp ? name : new RegExp(`^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
  for (let count = 0; count < most; count += 1) {
    await person.page.keyboard.press(isBackwards ? 'Shift+Tab' : 'Tab');
    const at = await person.page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement) || element === document.body) return null;
      const label = 'labels' in element ? /** @type {HTMLInputElement} */ (element).labels?.[0]?.textContent : null;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const text = element.getAttribute('aria-label') ?? label ?? element.textContent ?? '';
      return {
        text: text.trim(),
        isShown: outlineStyle !== 'none' && outlineWidth !== '0px' && box.width > 0 && box.height > 0,
        isHeading: /^(H1|MAIN)$/.test(element.tagName) || element.classList.contains('outcome'),
      };
    });
    if (at && !at.isShown && !at.isHeading) throw new Failed(`the focus on “${at.text.slice(0, 60)}” is not visible`);
    if (at && wanted.test(at.text)) return;
  }
  throw new Failed(`Tab does not reach “${name}”`);
}
