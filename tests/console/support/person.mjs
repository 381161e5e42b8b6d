// A person at a browser: finds things by what they are called, and is told when something goes wrong behind the page.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { Failed, PATIENCE, until } from './report.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** What a scenario causes on purpose: the browser itself writes failed requests to the console. */
const FAILED_REQUEST = /Failed to load resource|WebSocket connection to/;

export class Person {
  /**
   * @param {import('playwright-core').Browser} browser
   * @param {import('./server.mjs').Server} server
   * @param {{ width?: number, height?: number, scale?: number, dark?: boolean, zone?: string }} [options]
   */
  static async at(
    browser,
    server,
    { width = 1280, height = 800, scale = 1, dark = false, zone = 'Europe/Berlin' } = {},
  ) {
    const context = await browser.newContext({
      viewport: { width, height },
      deviceScaleFactor: scale,
      colorScheme: dark ? 'dark' : 'light',
      timezoneId: zone,
      locale: 'en-US',
      acceptDownloads: true,
    });
    context.setDefaultTimeout(PATIENCE);
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.base });
    return new Person(server, context, await context.newPage());
  }

  /**
   * @param {import('./server.mjs').Server} server
   * @param {import('playwright-core').BrowserContext} context
   * @param {import('playwright-core').Page} page
   */
  constructor(server, context, page) {
    this.server = server;
    this.context = context;
    this.page = page;
    /** Errors of the page, violations of its policy, and requests to other hosts. @type {string[]} */
    this.complaints = [];
    /** Other hosts that the scenario sends the browser to. @type {string[]} */
    this.hosts = [server.base];
    /** Complaints that the scenario causes on purpose. @type {RegExp[]} */
    this.expected = [];
    /** Answers to the questions that the browser itself asks, such as to leave a form; it stays without one. @type {boolean[]} */
    this.answers = [];
    /** @type {string[]} */
    this.asked = [];
    this.watch();
  }

  watch() {
    const { page } = this;
    page.on('console', (message) => message.type() === 'error' && this.complain(message.text()));
    page.on('pageerror', (error) => this.complain(String(error)));
    page.on('request', (request) => {
      const url = request.url();
      if (/^(data|blob|about):/.test(url)) return;
      if (!this.hosts.some((host) => url.startsWith(`${host}/`))) this.complain(`a request to ${url}`);
    });
    page.on('dialog', async (dialog) => {
      this.asked.push(dialog.message());
      await (this.answers.shift() ? dialog.accept() : dialog.dismiss());
    });
  }

  /** @param {string} text */
  complain(text) {
    if (!this.expected.some((pattern) => pattern.test(text))) this.complaints.push(text);
  }

  /** From now on requests may fail: the scenario stops the server, or answers in its place. */
  expectFailedRequests() {
    this.expected.push(FAILED_REQUEST);
  }

  /** Another tab of the same browser. */
  async tab() {
    const other = new Person(this.server, this.context, await this.context.newPage());
    other.hosts = this.hosts;
    return other;
  }

  /**
   * Opens a view by a link with the token, as `dev` prints it.
   * @param {string} token
   * @param {string} [path] below `/console`
   */
  async opens(token, path = '') {
    await this.page.goto(`${this.server.base}/console${path}#token=${encodeURIComponent(token)}`);
    await this.settled();
  }

  /** Opens a view's address in this tab, with the token that the tab has. @param {string} path */
  async visits(path) {
    await this.page.goto(`${this.server.base}/console${path}`);
    await this.settled();
  }

  /** Follows a link of the navigation. @param {string} name */
  async goesTo(name) {
    await this.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name, exact: true }).click();
    await this.heading(name).waitFor();
    await this.settled();
  }

  /** Waits until the view has its data: a heading, and nothing that loads. */
  async settled() {
    await this.page.getByRole('heading', { level: 1 }).first().waitFor();
    await until('the view has its data', async () => (await this.page.locator('.loading').count()) === 0);
  }

  /** The main part of the page, or the dialog that covers it. */
  get front() {
    return this.page.locator('dialog[open], body:not(:has(dialog[open]))').last();
  }

  /** @param {string | RegExp} name @param {number} [level] */
  heading(name, level = 1) {
    return this.page.getByRole('heading', { name, level }).first();
  }

  /** @param {string | RegExp} [name] */
  dialog(name) {
    return this.page.getByRole('dialog', { name });
  }

  /** @param {string | RegExp} name @param {import('playwright-core').Locator | import('playwright-core').Page} [within] */
  button(name, within = this.front) {
    return within.getByRole('button', { name, exact: typeof name === 'string' }).first();
  }

  /** @param {string | RegExp} label @param {import('playwright-core').Locator} [within] */
  field(label, within = this.front) {
    return within.getByLabel(label).first();
  }

  /** @param {string | RegExp} name @param {import('playwright-core').Locator} [within] */
  link(name, within = this.front) {
    return within.getByRole('link', { name }).first();
  }

  /** The row of a table or the item of a list with this text. @param {string | RegExp} text */
  row(text) {
    return this.page.getByRole('row').filter({ hasText: text }).first();
  }

  /** @param {string | RegExp} name @param {import('playwright-core').Locator} [within] */
  async presses(name, within) {
    await this.button(name, within).click();
  }

  /** @param {string | RegExp} label @param {string} value @param {import('playwright-core').Locator} [within] */
  async types(label, value, within) {
    await this.field(label, within).fill(value);
  }

  /** @param {string | RegExp} label @param {string} option its words @param {import('playwright-core').Locator} [within] */
  async chooses(label, option, within) {
    await this.field(label, within).selectOption({ label: option });
  }

  /**
   * Waits until a text can be seen.
   * @param {string | RegExp} text
   * @param {import('playwright-core').Locator | import('playwright-core').Page} [within]
   */
  async sees(text, within = this.front) {
    const found = within.getByText(text).filter({ visible: true }).first();
    await found.waitFor().catch(() => {
      throw new Failed(`not seen in time: ${text}`);
    });
    return found;
  }

  /** Whether a text can be seen now. @param {string | RegExp} text */
  async has(text) {
    return (await this.front.getByText(text).filter({ visible: true }).count()) > 0;
  }

  /** Waits until nothing with this text is seen any more. @param {string | RegExp} text */
  async misses(text) {
    await until(`“${text}” is gone`, async () => !(await this.has(text)));
  }

  /** What has the focus, in words. */
  focus() {
    return this.page.evaluate(() => {
      const { activeElement: at } = document;
      if (!at || at === document.body) return 'nothing';
      return `${at.tagName.toLowerCase()} ${at.getAttribute('aria-label') ?? at.textContent?.trim().slice(0, 60) ?? ''}`.trim();
    });
  }

  /** Waits until something has the focus: after a dialog it must not be lost. */
  async focusIsKept() {
    return until('something has the focus', async () => ((await this.focus()) === 'nothing' ? null : this.focus()));
  }

  /** By how many pixels the document is wider than the window. */
  overflow() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  /** What is wider than the window, to find a fault. */
  tooWide() {
    return this.page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      const all = [...document.body.querySelectorAll('*')].filter(
        (one) => one.getBoundingClientRect().right > width + 1,
      );
      return all
        .slice(0, 5)
        .map((one) => `${one.tagName.toLowerCase()}.${one.className} ${one.textContent?.slice(0, 40)}`);
    });
  }

  /** @param {{ width?: number, dark?: boolean }} look */
  async looksAt({ width, dark }) {
    const height = this.page.viewportSize()?.height ?? 800;
    if (width) await this.page.setViewportSize({ width, height });
    if (dark !== undefined) await this.page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
  }

  /** The violations of accessibility rules on what is shown now, in words. @returns {Promise<string[]>} */
  async violations() {
    const { page } = this;
    if (!(await page.evaluate(() => 'axe' in window))) {
      // By the debugger's protocol: the page's policy forbids scripts of others.
      const session = await this.context.newCDPSession(page);
      await session.send('Runtime.evaluate', { expression: AXE });
      await session.detach();
    }
    const found = await page.evaluate(
      // @ts-expect-error: the library put itself there.
      (rules) => window.axe.run(document, { runOnly: { type: 'tag', values: rules }, resultTypes: ['violations'] }),
      RULES,
    );
    return found.violations.map(
      (/** @type {any} */ { id, nodes }) =>
        `${id}: ${nodes
          .map((/** @type {any} */ node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`)
          .slice(0, 3)
          .join('; ')}`,
    );
  }

  /** The text of the clipboard. */
  clipboard() {
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** The file that an action offers to save. A long one is read page by page first. @param {() => Promise<void>} action */
  async saves(action) {
    const [download] = await Promise.all([this.page.waitForEvent('download', { timeout: 90_000 }), action()]);
    return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
  }
}
