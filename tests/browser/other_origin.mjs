// A dashboard's page in a real Chromium, from another origin than the server's: what browsers' rules let through. The page is
// served here; no other host is asked. Exits 1, with a reason, at the first that fails.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [base, token, allowed] = process.argv.slice(2);
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
// What GraphQL clients, Sentry, OpenTelemetry and Supabase add.
const HEADERS = {
  'apollo-require-preflight': 'true',
  'apollographql-client-name': 'dashboard',
  'sentry-trace': '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1',
  baggage: 'sentry-environment=test',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1',
  'x-client-info': 'supabase-js/2',
  apikey: 'anon',
};

function check(condition, what) {
  if (!condition) throw new Error(what);
  console.log(`ok - other origin: ${what}`);
}

// Two origins: the allowed one, and one that is not.
const serve = (port) => new Promise((resolve, reject) => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>Dashboard</title>');
  });
  server.once('error', reject);
  server.listen(port, '127.0.0.1', () => resolve(server));
});
const port = Number(new URL(allowed).port);
const servers = [await serve(port), await serve(0)];
const stranger = `http://127.0.0.1:${servers[1].address().port}`;

const profile = mkdtempSync(join(tmpdir(), 'switchboard-browser-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM,
  headless: true,
  args: FLAGS,
});

// In the page: a query over HTTP; the answer's data, or the browser's error.
const query = ({ base, token, headers, credentials }) =>
  fetch(`${base}/graphql`, {
    method: 'POST',
    credentials,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ query: '{ viewer { userId } }' }),
  }).then(
    async (answer) => ({ data: (await answer.json()).data, id: answer.headers.get('x-request-id') }),
    (error) => ({ error: String(error) }),
  );

// In the page: a query over a socket, the token under `headers` as some clients put it.
const socket = ({ base, token }) =>
  new Promise((resolve) => {
    const socket = new WebSocket(`${base.replace('http', 'ws')}/graphql/ws`, 'graphql-transport-ws');
    const send = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => send({ type: 'connection_init', payload: { headers: { Authorization: `Bearer ${token}` } } });
    socket.onerror = () => resolve({ error: 'refused' });
    socket.onclose = (event) => resolve({ error: `closed ${event.code} ${event.reason}` });
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'connection_ack') send({ type: 'subscribe', id: '1', payload: { query: '{ viewer { userId } }' } });
      if (message.type === 'next') resolve({ data: message.payload.data });
    };
  });

try {
  const page = await context.newPage();
  await page.goto(allowed);
  const plain = await page.evaluate(query, { base, token, headers: {}, credentials: 'same-origin' });
  check(plain.data?.viewer.userId && plain.id, `a query is answered, with its request id ${plain.error ?? ''}`);
  const adorned = await page.evaluate(query, { base, token, headers: HEADERS, credentials: 'same-origin' });
  check(adorned.data?.viewer.userId, `so is one with other tools' headers ${adorned.error ?? ''}`);
  const cookies = await page.evaluate(query, { base, token, headers: {}, credentials: 'include' });
  check(cookies.error, 'one that would send cookies is not');
  const streamed = await page.evaluate(socket, { base, token });
  check(streamed.data?.viewer.userId, `a socket takes the token under headers ${streamed.error ?? ''}`);

  await page.goto(stranger);
  const refused = await page.evaluate(query, { base, token, headers: {}, credentials: 'same-origin' });
  check(refused.error, 'a page of an origin that is not allowed reads nothing');
  const closed = await page.evaluate(socket, { base, token });
  check(closed.error, 'and opens no socket');
} catch (error) {
  console.error(`not ok - other origin: ${error.message}`);
  process.exitCode = 1;
} finally {
  await context.close();
  servers.forEach((server) => server.close());
  rmSync(profile, { recursive: true, force: true });
}
