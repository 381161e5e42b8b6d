// Where a scenario plays: its people, its servers, and what is left of them when it ends.

import { join } from 'node:path';

import { Person } from './person.mjs';
import { Report } from './report.mjs';
import { OwnServer } from './server.mjs';

/**
 * @typedef {object} World
 * @property {import('playwright-core').Browser} browser
 * @property {import('./server.mjs').Server} server the server of all scenarios that need no other
 * @property {string} token the token that `dev` printed
 * @property {string} binary
 * @property {string} out folder of screenshots
 * @property {boolean} screenshots
 * @property {string | undefined} picture file of the README's picture
 */

export class Stage {
  /** @param {string} name @param {World} world */
  constructor(name, world) {
    this.name = name;
    this.world = world;
    this.report = new Report(name);
    /** @type {Person[]} */
    this.people = [];
    /** @type {OwnServer[]} */
    this.servers = [];
  }

  get server() {
    return this.world.server;
  }

  /** @param {unknown} condition @param {string} what */
  check(condition, what) {
    this.report.check(condition, what);
  }

  /** @param {Parameters<typeof Person.at>[2] & { server?: import('./server.mjs').Server }} [options] */
  async person({ server = this.server, ...options } = {}) {
    return this.with(await Person.at(this.world.browser, server, options));
  }

  /** Another tab of somebody's browser. @param {Person} person */
  async tab(person) {
    return this.with(await person.tab());
  }

  /** @param {Person} person */
  with(person) {
    this.people.push(person);
    return person;
  }

  /** A server for this scenario alone. @param {Record<string, string>} [variables] */
  async ownServer(variables = {}) {
    const server = await OwnServer.start(this.world.binary, variables);
    this.servers.push(server);
    return server;
  }

  /** @param {Person} person @param {string} name */
  async picture(person, name) {
    if (!this.world.screenshots) return;
    await person.page.screenshot({ path: join(this.world.out, `${name}.png`), fullPage: true });
  }

  /** Nothing may have gone wrong behind anybody's page. */
  checkComplaints() {
    const complaints = this.people.flatMap((person) => person.complaints);
    this.check(
      complaints.length === 0,
      `no error, no violation of the policy, no other host ${complaints.join(' | ')}`.trim(),
    );
  }

  async photographFailure() {
    for (const [at, { page }] of this.people.entries()) {
      const path = join(this.world.out, `failed-${this.name.replaceAll(/\W+/g, '-')}-${at}.png`);
      await page.screenshot({ path, fullPage: true, timeout: 5000 }).catch(() => {});
    }
  }

  async clear() {
    for (const context of new Set(this.people.map((person) => person.context))) await context.close().catch(() => {});
    for (const server of this.servers) await server.remove();
  }
}
