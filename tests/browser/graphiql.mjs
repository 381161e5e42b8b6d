// Drives GraphiQL as a person does, in a real Chromium: the page under its policy, the token from the address, a
// query, the docs, completion, a subscription. Exits 1, with a reason and a screenshot, at the first that fails.

import { PATIENCE, openBrowser, until } from './browser.mjs';

const [base, token, mode, sandbox] = process.argv.slice(2);
const { page, check, complaints, fromCdn, run } = await openBrowser('GraphiQL', base, mode);
const frames = [];
page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(String(payload))));

// Editors show only the lines in view; their whole text is asked from the editor itself.
const text = (selector) =>
  page.evaluate((selector) => document.querySelector(`${selector} .CodeMirror`)?.CodeMirror.getValue() ?? '', selector);
const write = async (document_) => {
  await page.evaluate((document_) => {
    const editor = document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror;
    editor.setValue(document_);
    editor.focus();
    editor.setCursor(editor.lineCount(), 0);
  }, document_);
  // GraphiQL reads the document a moment after the last change, and shows nothing when it has.
  await page.waitForTimeout(500);
};
const answer = () => text('.graphiql-response');
const execute = () => page.click('.graphiql-execute-button');

async function loads() {
  await page.goto(`${base}/graphql#token=${encodeURIComponent(token)}`, { waitUntil: 'load' });
  await page.waitForSelector('.graphiql-query-editor .CodeMirror', { timeout: PATIENCE });
  check(!page.url().includes('token'), 'the token has left the address');
  const headers = await until('the headers tab', async () => {
    const all = await page.evaluate(() =>
      [...document.querySelectorAll('.CodeMirror')].map((element) => element.CodeMirror.getValue()));
    return all.find((value) => value.includes('Authorization'));
  });
  check(JSON.parse(headers).Authorization === `Bearer ${token}`, 'the token is in the headers tab');
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  check(!stored.includes(token), 'the token is stored nowhere');
  check((await text('.graphiql-query-editor')).includes('createAgent'), 'the first document shows what to do');
}

async function queries() {
  await write('query { viewer { userId plan { name } } }');
  await execute();
  const shown = await until('an answer', async () => ((await answer()).includes('"userId"') ? answer() : null));
  check(!shown.includes('"errors"'), 'a query is answered');
}

async function documents() {
  await page.click('button[aria-label="Show Documentation Explorer"]');
  await page.waitForSelector('.graphiql-doc-explorer', { timeout: PATIENCE });
  await page.click('.graphiql-doc-explorer a:has-text("Mutation")');
  await page.click('.graphiql-doc-explorer a:has-text("createAgent")');
  const described = await until('a description', () => page.textContent('.graphiql-doc-explorer'));
  check(described.includes('CreateAgentPayload') && described.length > 100, 'the docs describe createAgent');
  await page.click('button[aria-label="Hide Documentation Explorer"]');
}

async function completes() {
  await write('query { viewer { ');
  await page.keyboard.press('Control+Space');
  await page.waitForSelector('.CodeMirror-hints', { timeout: PATIENCE });
  const offered = await until('completions', () => page.textContent('.CodeMirror-hints'));
  check(offered.includes('activeCalls'), 'completion offers a field');
  await page.keyboard.press('Escape');
}

async function number() {
  const query = `mutation { createAgent(input: {name: "Dr. Smith's Office Assistant", areaCode: "212"}) {
    phoneNumber { number } userErrors { message } } }`;
  await write(query);
  await execute();
  const shown = await until('a number', async () => ((await answer()).match(/"number": "(\+\d+)"/) ? answer() : null));
  return shown.match(/"number": "(\+\d+)"/)[1];
}

async function subscribes() {
  const called = sandbox ? await number() : null;
  await write('subscription { callUpdated { from to status } }');
  await execute();
  await until('an acknowledgement', () => frames.some((frame) => frame.includes('connection_ack')));
  check(true, 'the socket is acknowledged with the token of the headers tab');
  if (sandbox) {
    await until('an event', async () => {
      const order = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ to: called }) };
      await fetch(`${sandbox}/sandbox/calls`, order);
      return (await answer()).includes('callUpdated');
    });
    check((await answer()).includes(called), 'the subscription shows the call');
  }
  await execute();
}

await run(async () => {
  await loads();
  await queries();
  await documents();
  await completes();
  await subscribes();
  check(fromCdn.length === (mode === 'cdn' ? 4 : 0), `${fromCdn.length} files came from the CDN`);
  check(complaints.length === 0, `no violation and no error on the console ${complaints.join(' | ')}`);
});
