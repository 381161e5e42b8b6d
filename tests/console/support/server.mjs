// Servers for development, their tokens, their API and their emulated carrier.

import { execFileSync, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Failed, until } from './report.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const JSON_TYPE = { 'content-type': 'application/json' };

/** A running `dev`: its addresses and the secret of its tokens. */
export class Server {
  /** @param {{ base: string, sandbox: string, folder: string }} place `folder`: where it was started */
  constructor({ base, sandbox, folder }) {
    this.base = base;
    this.sandbox = sandbox;
    this.folder = folder;
  }

  get remembered() {
    return JSON.parse(readFileSync(join(this.folder, '.switchboard', 'dev.json'), 'utf8'));
  }

  /**
   * A token that the server accepts.
   * @param {{ user?: string, operator?: boolean, seconds?: number, email?: string }} [claims]
   */
  token({ user = randomUUID(), operator = false, seconds = 3600, email } = {}) {
    const part = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const role = operator ? 'operator' : 'authenticated';
    const text = `${part({ typ: 'JWT', alg: 'HS256' })}.${part({ sub: user, role, email, iat: now, exp: now + seconds })}`;
    return `${text}.${createHmac('sha256', this.remembered.jwt_secret).update(text).digest('base64url')}`;
  }

  /** Somebody with data of their own. @param {string} [email] */
  tenant(email) {
    const user = randomUUID();
    return { user, email, token: this.token({ user, email }) };
  }

  /**
   * Asks the API, as a program does. Fails on errors and user errors.
   * @param {string} token
   * @param {string} query
   * @param {Record<string, unknown>} [variables]
   * @param {Record<string, string>} [headers]
   */
  async api(token, query, variables = {}, headers = {}) {
    const response = await fetch(`${this.base}/graphql`, {
      method: 'POST',
      headers: { ...JSON_TYPE, authorization: `Bearer ${token}`, ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await response.json();
    const refusals = Object.values(data ?? {}).flatMap((payload) => payload?.userErrors ?? []);
    if (errors || refusals.length > 0) throw new Failed(`the API refuses: ${JSON.stringify(errors ?? refusals)}`);
    return data;
  }

  /**
   * An agent with a number, made by the API.
   * @param {string} token
   * @param {Record<string, unknown>} [input]
   */
  async agent(token, input = {}) {
    const made = await this.api(
      token,
      `mutation Make($input: CreateAgentInput!) { createAgent(input: $input) { agent { id name } operation { id } userErrors { message } } }`,
      { input: { name: 'Dr. Smith’s Office', areaCode: '212', ...input } },
    );
    const { agent, operation } = made.createAgent;
    const state = `query State($id: ID!) { operation(id: $id) { state phoneNumber { id number } } }`;
    const ended = await until(`the agent ${agent.name}`, async () => {
      const { operation: now } = await this.api(token, state, { id: operation.id });
      if (now.state === 'FAILED') throw new Failed(`the agent ${agent.name} was not created`);
      return now.state === 'SUCCEEDED' && now;
    });
    return { ...agent, phoneNumber: ended.phoneNumber };
  }

  /**
   * Places a call. Returns when it is over or held.
   * @param {Record<string, unknown>} order `to`, and what the emulated carrier takes besides
   */
  call(order) {
    return this.sandboxed('calls', order);
  }

  /** @param {string} sid */
  hangUp(sid) {
    return this.sandboxed(`calls/${sid}/hangup`, {});
  }

  /**
   * Texts one of the tenant's numbers, as a person does. Returns when the server has it.
   * @param {{ to: string, from: string, body: string }} order
   */
  text(order) {
    return this.sandboxed('texts', order);
  }

  /** Answers of the emulated providers that differ from the usual ones. @param {Record<string, unknown>} fault */
  fault(fault) {
    return this.sandboxed('faults', fault);
  }

  /**
   * @param {string} path below `/sandbox/`
   * @param {unknown} order
   */
  async sandboxed(path, order) {
    const options = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(order) };
    const response = await fetch(`${this.sandbox}/sandbox/${path}`, options);
    if (!response.ok) throw new Failed(`the emulated carrier answers ${path} with ${response.status}`);
    return response.json();
  }

  /** What the emulated carrier has. @param {string} path below `/sandbox/` */
  async sandboxes(path) {
    const response = await fetch(`${this.sandbox}/sandbox/${path}`);
    if (!response.ok) throw new Failed(`the emulated carrier answers ${path} with ${response.status}`);
    return response.json();
  }

  /**
   * Writes copies of a number's latest call into the database: ten thousand calls by the API would take minutes.
   * @param {string} number
   * @param {{ count: number, days: number, steady?: boolean }} how spread over these days until now; `steady`: ended as the original,
   *   otherwise with the outcomes, callers and durations of a practice
   */
  copyCalls(number, { count, days, steady = false }) {
    const database = join(this.folder, '.switchboard', 'switchboard.db');
    const order = [database, number, String(count), String(days), steady ? 'steady' : 'mixed'];
    execFileSync('python3', [join(here, 'copy_calls.py'), ...order], { stdio: ['ignore', 'inherit', 'inherit'] });
  }

  /** Makes a thread wait for a person, as if its agent could not answer: the API cannot. @param {string} participant */
  letWait(participant) {
    const database = join(this.folder, '.switchboard', 'switchboard.db');
    const script =
      'import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=20); ' +
      'db.execute("UPDATE message_threads SET handling = \'waiting_for_person\' WHERE participant = ?", sys.argv[2:]); db.commit()';
    execFileSync('python3', ['-c', script, database, participant], { stdio: ['ignore', 'inherit', 'inherit'] });
  }
}

/** A `dev` of a scenario's own, in a folder of its own. */
export class OwnServer extends Server {
  /** @param {string} binary @param {Record<string, string>} variables */
  static async start(binary, variables) {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-console-'));
    const [port, sandboxPort] = [await freePort(), await freePort()];
    const place = { base: `http://127.0.0.1:${port}`, sandbox: `http://127.0.0.1:${sandboxPort}`, folder };
    const server = new OwnServer(place);
    server.command = { binary, variables, port, sandboxPort };
    await server.start();
    return server;
  }

  /** @param {Record<string, string>} [variables] others than at the last start */
  async start(variables) {
    const { binary, port, sandboxPort } = this.command;
    if (variables) this.command.variables = variables;
    const env = { ...process.env, ...this.command.variables, BIND_ADDRESS: `127.0.0.1:${port}` };
    const options = { cwd: this.folder, env, stdio: /** @type {const} */ (['ignore', 'pipe', 'inherit']) };
    this.process = spawn(binary, ['dev', '--sandbox-port', String(sandboxPort)], options);
    let said = '';
    this.process.stdout?.on('data', (text) => (said += text));
    await until('dev is ready', () => {
      if (this.process?.exitCode !== null) throw new Failed(`dev did not start: ${said}`);
      return said.includes('Ctrl-C');
    });
    /** The token of the link that it printed. */
    this.printedToken = /#token=(\S+)/.exec(said)?.[1] ?? '';
  }

  async stop() {
    const { process: running } = this;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resume) => running.once('exit', resume));
    running.kill('SIGTERM');
    await ended;
  }

  /** Ends at once, as in a crash. */
  async crash() {
    const ended = new Promise((resume) => this.process?.once('exit', resume));
    this.process?.kill('SIGKILL');
    await ended;
  }

  async remove() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resume) => {
    const listener = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (listener.address());
      listener.close(() => resume(port));
    });
  });
}
