// Agents: found, changed, paused, given a new token, deleted.

export const name = 'agents';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const { token } = server.tenant();
  await server.agent(token, { name: 'Elm Street Vets' });
  await server.agent(token, { name: 'Lakeside Physio', provisionPhone: false, areaCode: null });
  const person = await stage.person();
  await person.opens(token, '/agents');
  stage.check(
    await person.row('Lakeside Physio').getByText('No number').isVisible(),
    'an agent without a number is marked',
  );
  await finds(stage, person);
  await edits(stage, person);
  await pauses(stage, person);
  await rotates(stage, person);
  await refuses(stage, person);
  await deletes(stage, person);
}

/** @typedef {(stage: import('../support/stage.mjs').Stage, person: import('../support/person.mjs').Person) => Promise<void>} Part */

/** @type {Part} */
async function finds(stage, person) {
  const { page } = person;
  await person.types('Name contains', 'elm');
  await person.misses('Lakeside Physio');
  stage.check(page.url().includes('q=elm'), 'the search is in the address');
  await page.reload();
  await person.settled();
  stage.check(!(await person.has('Lakeside Physio')), 'a reload keeps the search');
  await person.types('Name contains', 'nobody');
  await person.sees('No agent matches the filters.');
  await person.presses('Show all agents');
  await person.sees('Lakeside Physio');
  await person.chooses('State', 'Deleted');
  await person.sees('No agent matches the filters.');
  await person.chooses('State', 'All but deleted');
  await person.sees('Lakeside Physio');
  stage.check(true, 'search and state filter the list, and an empty one offers the way out');
}

/** @type {Part} */
async function edits(stage, person) {
  await person.link('Elm Street Vets').click();
  await person.heading('Elm Street Vets').waitFor();
  await person.settled();
  await person.types('Name of the practice', 'Elm Street Veterinary');
  await person.types('Fallback number', '+44 7700');
  await person.presses('Save');
  await person.page.locator('[aria-invalid=true]').waitFor();
  stage.check(
    (await person.field('Fallback number').getAttribute('aria-invalid')) === 'true',
    'a refusal is shown at its field',
  );
  stage.check(
    (await person.field('Name of the practice').inputValue()) === 'Elm Street Veterinary',
    'a refused form keeps its input',
  );
  person.answers = [false];
  await person.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Calls' }).click();
  stage.check(
    person.asked.length === 1 && (await person.heading('Elm Street Vets').isVisible()),
    'leaving with something typed asks first',
  );
  await person.types('Fallback number', '+12125550188');
  await person.presses('Save');
  await person.sees(/^Saved/);
  await person.heading('Elm Street Veterinary').waitFor();
  stage.check(await person.has(/\+12125550188/), 'a change is saved and shown');
  await person.chooses('Text messages to its numbers', 'The agent answers them');
  await person.types('Answer to the text HELP', 'Elm Street Veterinary. Reply STOP to end.');
  await person.presses('Save');
  await person.sees('The agent answers them. Show them');
  await person.page.reload();
  await person.settled();
  stage.check(
    (await person.field('Answer to the text HELP').inputValue()) === 'Elm Street Veterinary. Reply STOP to end.',
    'who answers texts, and the answer to HELP, are saved',
  );
}

/** @type {Part} */
async function pauses(stage, person) {
  await person.presses(/^Pause/);
  await person.dialog(/Pause the agent/).waitFor();
  stage.check(await person.has(/\+12125550188/), 'pausing says where callers go');
  await person.presses('Pause');
  await person.sees(/The agent is paused\./);
  await person.presses('Resume');
  await person.sees('The agent takes calls again.');
  await person.button(/^Pause/).waitFor();
  stage.check(true, 'an agent is paused and resumed');
}

/** @type {Part} */
async function rotates(stage, person) {
  await person.presses(/^Create a new token/);
  await person.dialog(/Create a new token/).waitFor();
  await person.presses('Create a new token');
  const dialog = person.dialog('The new token');
  await dialog.waitFor();
  await person.presses(/Copy/, dialog);
  await person.sees('Copied', dialog);
  stage.check(/^vami_agent_/.test(await person.clipboard()), 'a new token is shown and copied');
  await person.presses('I have stored it');
  await dialog.waitFor({ state: 'detached' });
  stage.check(await person.focusIsKept(), 'after the dialog the focus is kept');
}

/** A form that the API refuses as a whole, and one that asks for what is not on sale. @type {Part} */
async function refuses(stage, person) {
  await person.goesTo('Agents');
  await person.link('Create an agent').click();
  await person.heading('Create an agent').waitFor();
  await person.field('Area code').fill('212');
  await person.presses(/^Create and buy/);
  await person.page.locator('[aria-invalid=true]').waitFor();
  stage.check(/input/.test(await person.focus()), 'the first field with an error has the focus');
  await person.types('Name of the practice', 'North Star');
  await person.field('Without a number').check();
  await person.presses('Create without a number');
  await person.sees('The agent is created');
  stage.check(
    await person.has(/nobody can call it/i),
    'an agent is created without a number, and it is said what is missing',
  );
}

/** @type {Part} */
async function deletes(stage, person) {
  await person.goesTo('Agents');
  await person.link('Elm Street Veterinary').click();
  await person.heading('Elm Street Veterinary').waitFor();
  await person.settled();
  await person.presses(/^Delete/);
  const dialog = person.dialog(/Delete the agent/);
  await dialog.waitFor();
  stage.check(await person.has(/released at once/), 'deleting says what happens to the number');
  await person.presses('Delete the agent');
  await person.sees(/not the agent’s name/);
  await person.types('Name of the agent', 'Elm Street Veterinary');
  await person.presses('Delete the agent');
  await dialog.waitFor({ state: 'detached' });
  await person.sees('This agent is deleted. Its calls are kept.');
  stage.check(await person.focusIsKept(), 'an agent is deleted after its name was typed');
}
