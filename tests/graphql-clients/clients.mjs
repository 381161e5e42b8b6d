// Runs GraphQL's own clients and tools against a server, as their users do: each is given the address and the token
// and nothing else. Exits 1, with the reason, at the first that fails.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client/core/index.js';
import { createPersistedQueryLink } from '@apollo/client/link/persisted-queries/index.js';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions/index.js';
import * as urql from '@urql/core';
import { buildClientSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql';
import { auditServer } from 'graphql-http';
import { GraphQLClient } from 'graphql-request';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token, sandbox] = process.argv.slice(2);
const headers = { authorization: `Bearer ${token}` };
const PATIENCE = 20_000;

const AGENTS = 'query Agents($first: Int) { agents(first: $first) { totalCount nodes { id name } } }';
const VIEWER = '{ viewer { userId } }';
const CREATE = `mutation Create($input: CreateAgentInput!) { createAgent(input: $input) {
  agent { id name } operation { id } userErrors { message } } }`;
const CALLS = 'subscription { callUpdated { id to status } }';
const PRACTICE = { name: "Dr. Smith's Office Assistant", areaCode: '212' };

const passed = (what) => console.log(`ok - ${what}`);
const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

async function inTime(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not in time: ${what}`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function audits() {
  for (const [caller, sent] of [['with a token', headers], ['without one', {}]]) {
    const results = await auditServer({
      url,
      fetchFn: (address, request = {}) => fetch(address, { ...request, headers: { ...request.headers, ...sent } }),
    });
    const failed = results.filter(({ status }) => status !== 'ok');
    assert.deepEqual(failed.map(({ id, name, reason }) => `${id} ${name}: ${reason}`), []);
    assert.ok(results.length > 50, `only ${results.length} audits`);
    passed(`graphql-http: ${results.length} audits ${caller}`);
  }
}

async function apollo() {
  const client = (link) => new ApolloClient({
    cache: new InMemoryCache(), link, defaultOptions: { query: { fetchPolicy: 'network-only' } },
  });
  const plain = client(new HttpLink({ uri: url, headers }));
  const { data } = await plain.mutate({ mutation: gql(CREATE), variables: { input: PRACTICE } });
  assert.deepEqual(data.createAgent.userErrors, []);
  const { data: listed } = await plain.query({ query: gql(AGENTS), variables: { first: 50 } });
  assert.ok(listed.agents.nodes.some(({ id }) => id === data.createAgent.agent.id));
  passed('Apollo Client: a mutation, and a query that shows what it made');

  const sha256 = (text) => createHash('sha256').update(text).digest('hex');
  for (const useGETForHashedQueries of [false, true]) {
    const requests = [];
    const recorded = (address, request) => {
      requests.push(`${request.method} ${request.body ?? address}`);
      return fetch(address, request);
    };
    const persisted = client(createPersistedQueryLink({ sha256, useGETForHashedQueries })
      .concat(new HttpLink({ uri: url, headers, fetch: recorded })));
    // A name of this run, so that no earlier one registered it.
    const query = gql(AGENTS.replace('Agents', `Agents${Date.now()}`));
    for (let time = 0; time < 2; time += 1) {
      assert.ok((await persisted.query({ query, variables: { first: 1 } })).data.agents.totalCount > 0);
    }
    // The hash alone, the hash with the query, and from then on the hash alone.
    assert.deepEqual(requests.map((request) => request.includes('nodes')), [false, true, false]);
    const method = useGETForHashedQueries ? 'GET' : 'POST';
    assert.ok(requests[2].startsWith(method));
    passed(`Apollo Client: persisted queries by ${method}`);
  }
}

async function urqlClient() {
  for (const preferGetMethod of [false, 'force']) {
    const client = new urql.Client({ url, exchanges: [urql.fetchExchange], fetchOptions: { headers }, preferGetMethod });
    const { data, error } = await client.query(VIEWER, {}).toPromise();
    assert.ok(data?.viewer.userId, error?.message);
    const refused = await client.query('{ nothing }', {}).toPromise();
    assert.match(refused.error.graphQLErrors[0].message, /nothing/);
    passed(`urql: a query and an error by ${preferGetMethod ? 'GET' : 'POST'}`);
  }
}

async function graphqlRequest() {
  for (const method of ['POST', 'GET']) {
    const client = new GraphQLClient(url, { headers, method });
    assert.ok((await client.request(VIEWER)).viewer.userId);
    await assert.rejects(client.request('{ nothing }'), ({ response }) => /nothing/.test(response.errors[0].message));
    passed(`graphql-request: a query and an error by ${method}`);
  }
}

// Places calls until one is seen: a subscription begins at a moment that its client is not told.
async function seesCall(what, called, seen) {
  let waiting = true;
  const event = inTime(what, seen).finally(() => { waiting = false; });
  // Its failure is thrown at the end, where it is awaited.
  event.catch(() => {});
  while (waiting) {
    const order = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ to: called }) };
    const placed = await fetch(`${sandbox}/sandbox/calls`, order);
    assert.equal(placed.status, 200, await placed.text());
    await pause(100);
  }
  assert.equal((await event).callUpdated.to, called);
}

async function subscriptions() {
  const socket = (connectionParams) =>
    createClient({ url: `${url.replace('http', 'ws')}/ws`, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
  const client = socket(headers);

  const { value: { data: { createAgent } } } = await client.iterate({ query: CREATE, variables: { input: PRACTICE } }).next();
  let last;
  const query = 'subscription Watch($id: ID!) { operationUpdated(id: $id) { state phoneNumber { number } } }';
  await inTime("the operation's end", (async () => {
    for await (const { data, errors } of client.iterate({ query, variables: { id: createAgent.operation.id } })) {
      assert.equal(errors, undefined);
      last = data.operationUpdated;
    }
  })());
  assert.equal(last.state, 'SUCCEEDED');
  const called = last.phoneNumber.number;
  passed('graphql-ws: a mutation, and operationUpdated to its end');

  const calls = client.iterate({ query: CALLS });
  await seesCall('graphql-ws: a call', called, calls.next().then(({ value }) => value.data));
  await calls.return();
  passed('graphql-ws: callUpdated shows a call');

  const overSocket = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(client) });
  const seen = new Promise((resolve, reject) => {
    overSocket.subscribe({ query: gql(CALLS) }).subscribe({ next: ({ data }) => resolve(data), error: reject });
  });
  await seesCall('Apollo Client: a call', called, seen);
  overSocket.stop();
  await client.dispose();
  passed('Apollo Client: callUpdated shows a call');

  const stranger = socket({ authorization: 'Bearer wrong' });
  await assert.rejects(inTime('a refusal', stranger.iterate({ query: VIEWER }).next()), ({ code }) => code >= 4400);
  passed('graphql-ws: a wrong token closes the socket with a code for it');
}

async function tools() {
  const introspection = await new GraphQLClient(url, { headers }).request(getIntrospectionQuery({ specifiedByUrl: true }));
  // Sorted, as the schema is published.
  writeFileSync('schema.graphql', printSchema(lexicographicSortSchema(buildClientSchema(introspection))));
  const run = async (tool, ...options) => {
    try {
      return await promisify(execFile)(`node_modules/.bin/${tool}`, options);
    } catch (error) {
      throw new Error(`${tool} failed\n${error.stdout}${error.stderr}`);
    }
  };
  await run('graphql-schema-linter', 'schema.graphql');
  passed('graphql-schema-linter: no errors');
  await run('graphql-codegen', '--config', 'codegen.yml');
  await run('tsc', '--strict', '--noEmit', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler', 'gen/index.ts');
  passed('GraphQL Code Generator: client preset with strict scalars, and tsc --strict takes what it makes');
}

try {
  await audits();
  await apollo();
  await urqlClient();
  await graphqlRequest();
  await subscriptions();
  await tools();
} catch (error) {
  // graphql-ws throws what it got: a closed socket's event, or a list of errors.
  console.error('not ok -', error.stack ?? error);
  process.exitCode = 1;
}
// A client may hold a socket open still.
process.exit();
