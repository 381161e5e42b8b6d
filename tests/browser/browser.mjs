// A real Chromium for the tests of both pages: it answers the CDN's requests with the files of the npm packages, reaches no other
// host, and keeps what the page complains about.

import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const CDN = 'https://cdn.jsdelivr.net/';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

export const PATIENCE = 20_000;

export async function until(what, look) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

// Opens a browser of its own. `run` takes the test: at the first failure it writes a screenshot, and the process exits 1 with the
// reason.
export async function openBrowser(name, base, mode) {
  const profile = mkdtempSync(join(tmpdir(), 'switchboard-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: FLAGS,
    viewport: { width: 1400, height: 900 },
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints = [];
  const fromCdn = [];
  const elsewhere = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.route('**/*', async (route) => {
    const address = route.request().url();
    if (address.startsWith(base) || address.startsWith('data:')) return route.continue();
    if (mode === 'cdn' && address.startsWith(CDN)) {
      fromCdn.push(address);
      const body = await readFile(join(process.env.ASSETS, new URL(address).pathname));
      const contentType = address.endsWith('.css') ? 'text/css' : 'text/javascript';
      return route.fulfill({ body, contentType, headers: { 'access-control-allow-origin': '*' } });
    }
    elsewhere.push(address);
    return route.abort();
  });
  const check = (condition, what) => {
    if (!condition) throw new Error(what);
    console.log(`ok - ${name}, ${mode}: ${what}`);
  };
  const run = async (test) => {
    try {
      await test();
      check(elsewhere.length === 0, `no other host is asked ${elsewhere.join(' ')}`);
    } catch (error) {
      console.error(`not ok - ${name}, ${mode}: ${error.message}\n${complaints.join('\n')}`);
      await page.screenshot({ path: join(process.env.ASSETS, '..', 'failure.png') }).catch(() => {});
      process.exitCode = 1;
    } finally {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    }
  };
  return { page, check, complaints, fromCdn, run };
}
