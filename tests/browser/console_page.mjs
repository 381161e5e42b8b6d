// How the console's page loads, in a real Chromium: under its policy, from either source of the libraries, while servers are
// upgraded, and without the server once it is open. What the console does is tested by scripts/test console.

import { openBrowser, until } from './browser.mjs';

const [base, token, mode] = process.argv.slice(2);

const { page, check, complaints, fromCdn, run } = await openBrowser('console', base, mode);

await run(async () => {
  const shown = () => page.evaluate(() => document.querySelector('#console > :not(noscript)')?.textContent ?? '');
  const own = '**/console/files/**';

  await page.goto(`${base}/console#token=${token}`);
  await until('a view', shown);
  check(complaints.length === 0, `no violation and no error on the console ${complaints.join(' | ')}`);

  const modules = await page.evaluate(() =>
    [...document.querySelectorAll('link[rel=modulepreload]')].map((link) => link.href),
  );
  await page.route(own, (route) => route.abort());
  const loaded = await page.evaluate(async (modules) => {
    const results = await Promise.allSettled(modules.map((module) => import(module)));
    return results.filter(({ status }) => status === 'fulfilled').length;
  }, modules);
  check(modules.length > 10 && loaded === modules.length, `an open page needs none of its ${loaded} modules again`);
  await page.unroute(own);

  const drawn = await page.evaluate(async () => {
    const Plot = globalThis.uPlot;
    const place = document.body.appendChild(document.createElement('div'));
    new Plot({ width: 300, height: 200, title: 'Calls', series: [{}, { label: 'a', stroke: 'red' }] }, [[1, 2], [3, 4]], place);
    return getComputedStyle(place.querySelector('.u-over')).position;
  });
  check(drawn === 'absolute', 'a plot is drawn with its style sheet');
  const injected = await page.evaluate(() => {
    try {
      document.createElement('div').innerHTML = '<b>markup</b>';
      return 'allowed';
    } catch (error) {
      return error.name;
    }
  });
  check(injected === 'TypeError', 'the policy refuses markup in text');
  check((fromCdn.length > 0) === (mode === 'cdn'), `${new Set(fromCdn).size} files came from the CDN`);

  // A server of another version does not have the files of this page.
  let refused = 0;
  await page.route(own, (route) => {
    if (!route.request().url().endsWith('/main.js') || refused === 2) return route.continue();
    refused += 1;
    return route.fulfill({ status: 404, body: '{}', contentType: 'application/json' });
  });
  await page.goto('about:blank');
  await page.goto(`${base}/console/agents#token=${token}`);
  await until('a message', async () => (await shown()).includes('reloads in'));
  await until('a view', async () => refused === 2 && (await shown()) !== '' && !(await shown()).includes('reloads in'));
  check(new URL(page.url()).pathname === '/console/agents', 'the page reloads by itself until all files are of one version');
});
