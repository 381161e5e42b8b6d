// An operator: tenants and plans, acting for one, operations, reconciliation, health.

export const name = 'operator';

/** @param {import('../support/stage.mjs').Stage} stage */
export async function run(stage) {
  const { server } = stage;
  const tenant = server.tenant();
  await server.agent(tenant.token, { name: 'Elm Street Vets' });
  const person = await stage.person();
  await person.opens(server.token({ operator: true }));
  await person.heading('Operator').waitFor();
  stage.check(
    !(await person.page.getByRole('link', { name: 'Agents', exact: true }).isVisible()),
    'an operator alone sees no tenant’s pages',
  );
  await plans(stage, person, tenant.user);
  await acts(stage, person, tenant.user);
  for (const [part, seen] of [
    ['Operations', 'Kind'],
    ['Reconciliation', 'Last reconciliation'],
    ['Health', 'Component'],
  ]) {
    await person.page.getByRole('navigation', { name: 'Parts of this page' }).getByRole('link', { name: part }).click();
    await person.sees(seen ?? '');
    await person.settled();
  }
  stage.check(
    await person.row(/^\s*Database/).getByText('OK').isVisible(),
    'operations, reconciliation and health are shown',
  );
  const other = await stage.person();
  await other.opens(tenant.token, '/operator');
  stage.check(
    !(await other.page.getByRole('navigation', { name: 'Views' }).getByText('Operator').isVisible()),
    'a tenant is not led to the operator’s page',
  );
  stage.check(!(await other.has(tenant.user)), 'and sees nothing of it');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} user */
async function plans(stage, person, user) {
  await person.types('User id', 'not an id');
  await person.sees(/A user id has 36 characters/);
  await person.types('User id', user);
  const row = person.row(user.slice(0, 8));
  await row.waitFor();
  // The list may still be the unfiltered one.
  await person.presses(/^Change plan of/, row);
  const dialog = person.dialog(/^Plan of tenant/);
  await dialog.waitFor();
  await person.types('Name of the plan', 'Practice');
  await person.types('Calls at the same time', '99');
  await person.presses('Save plan');
  await dialog.locator('[aria-invalid=true]').first().waitFor();
  stage.check(await dialog.isVisible(), 'a plan beyond the limits is refused at its field');
  await person.types('Calls at the same time', '7');
  await person.presses('Save plan');
  await dialog.waitFor({ state: 'detached' });
  await row.getByText('0 of 7').waitFor();
  stage.check(await row.getByText('Practice').isVisible(), 'a plan is changed');
}

/** @param {import('../support/stage.mjs').Stage} stage @param {import('../support/person.mjs').Person} person @param {string} user */
async function acts(stage, person, user) {
  await person.presses(/^Act for tenant/, person.row(user.slice(0, 8)));
  await person.presses('Act for it');
  await person.heading('Now').waitFor();
  await person.settled();
  await person.goesTo('Agents');
  stage.check(await person.row('Elm Street Vets').isVisible(), 'acting for a tenant shows its data');
  await person.goesTo('Trail');
  await person.sees(/^Operator /);
  stage.check(true, 'what an operator looks at is in the tenant’s trail');
  stage.check(await person.has(new RegExp(user.slice(0, 8))), 'the head says for whom');
  await person.presses('Stop');
  await person.heading('Operator').waitFor();
  await person.settled();
}
