// Drives the console as people do, in a real Chromium, against `switchboard dev`.
//
//   drive.mjs BASE TOKEN SANDBOX OUT [--screenshots] [--picture FILE] [SCENARIO…]
//
// BASE, TOKEN, SANDBOX: what `dev` printed. OUT: folder for screenshots; of failures always, of every view with --screenshots.
// --picture writes the README's picture. Without names, all scenarios of scenarios/ are played.
// BINARY and DEV_FOLDER in the environment: the program, for scenarios with servers of their own, and where `dev` was started, for
// tokens. Exits 1 if a scenario fails, with the reason and a screenshot.

import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

import { Server } from './support/server.mjs';
import { Stage } from './support/stage.mjs';

/** Scenarios that measure time play first, and alone. */
const ALONE = ['first_view'];
/** Beside each other, longest first, so that they end together. */
const TOGETHER = [
  'looks',
  'kept',
  'routing',
  'newcomer',
  'restart',
  'assignment',
  'groups',
  'imports',
  'numbers',
  'moves',
  'accounts',
  'agents',
  'calls',
  'messages',
  'hostile',
  'many_calls',
  'tabs',
  'expiry',
  'login',
  'trouble',
  'keyboard',
  'usage',
  'operator',
  'attention',
];
/** Scenarios at the same time. Most of their time they wait for the page. */
const LANES = Number(process.env.LANES ?? 3);
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { screenshots: { type: 'boolean', default: false }, picture: { type: 'string' } },
});
const [base, token, sandbox, out, ...chosen] = positionals;
const { BINARY, DEV_FOLDER, CHROMIUM } = process.env;
if (!base || !token || !sandbox || !out || !BINARY || !DEV_FOLDER) {
  console.error(
    'usage: BINARY=… DEV_FOLDER=… drive.mjs BASE TOKEN SANDBOX OUT [--screenshots] [--picture FILE] [SCENARIO…]',
  );
  process.exit(2);
}
const unknown = chosen.filter((name) => ![...ALONE, ...TOGETHER].includes(name));
if (unknown.length > 0) {
  console.error(`no such scenario: ${unknown.join(' ')}; there are ${[...ALONE, ...TOGETHER].join(' ')}`);
  process.exit(2);
}

mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS });
/** @type {import('./support/stage.mjs').World} */
const world = {
  browser,
  server: new Server({ base: base.replace(/\/$/, ''), sandbox: sandbox.replace(/\/$/, ''), folder: DEV_FOLDER }),
  token,
  binary: BINARY,
  out,
  screenshots: values.screenshots,
  picture: values.picture,
};

/** @param {string} file */
async function play(file) {
  const began = Date.now();
  const { name, run } = await import(`./scenarios/${file}.mjs`);
  const stage = new Stage(name, world);
  let failure = null;
  try {
    await run(stage);
    stage.checkComplaints();
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    await stage.photographFailure();
  }
  const complaints = stage.people.flatMap((person) => person.complaints);
  await stage.clear();
  for (const line of stage.report.lines) console.log(line);
  console.log(`# console: ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  if (!failure) return;
  const said =
    failure.name === 'Error' && failure.stack ? failure.stack.split('\n').slice(0, 12).join('\n') : failure.stack;
  console.error(`not ok - console: ${name}: ${said}\n${complaints.join('\n')}`);
  process.exitCode = 1;
}

const wanted = (/** @type {string} */ file) => chosen.length === 0 || chosen.includes(file);
try {
  for (const file of ALONE.filter(wanted)) await play(file);
  const waiting = TOGETHER.filter(wanted);
  const lane = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) await play(file);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
} finally {
  await browser.close();
}
