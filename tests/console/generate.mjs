// Validates the console's operations against the schema and writes their JavaScript and types. With --check it only compares.
// What the frame and the first view ask for is a module of its own, so that the others are loaded with the first view that needs them.
//
//   node generate.mjs SCHEMA CONSOLE_FOLDER [--check]

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as operationTypes from '@graphql-codegen/typescript-operations';
import { buildSchema, Kind, parse, print, validate, visit } from 'graphql';

/** Documents of the frame and the first view. */
const FIRST = ['now.graphql', 'session.graphql'];

const [schemaFile, folder, flag] = process.argv.slice(2);
const schema = buildSchema(readFileSync(schemaFile, 'utf8'));
const sources = readdirSync(join(folder, 'operations')).filter((name) => name.endsWith('.graphql')).sort();
const files = sources.map((name) => ({ name, text: readFileSync(join(folder, 'operations', name), 'utf8') }));
const document = { kind: Kind.DOCUMENT, definitions: files.flatMap(({ text }) => parse(text, { noLocation: false }).definitions) };

const problems = validate(schema, document);
const names = document.definitions.map(({ name }) => name?.value);
for (const name of names.filter((name, i) => names.indexOf(name) !== i)) problems.push(`two definitions are called ${name}`);
if (problems.length > 0) {
  for (const problem of problems) console.error(String(problem));
  process.exit(1);
}

const config = {
  scalars: { ID: 'string', CountryCode: 'string', DateTime: 'string', Decimal: 'string', E164: 'string', UUID: 'string' },
  strictScalars: true,
  onlyOperationTypes: true,
  skipTypename: true,
  enumsAsTypes: true,
  // Lists come as they are; arguments may be left out.
  maybeValue: 'T | null',
  inputMaybeValue: 'T | null | undefined',
  avoidOptionals: { field: true, inputValue: false, object: false, defaultValue: false },
};
const header = 'Made from operations/*.graphql and schema.graphql by `scripts/console generate`: do not edit.';
const types = await codegen({
  filename: 'types.d.ts',
  schema: parse(readFileSync(schemaFile, 'utf8')),
  documents: files.map(({ name, text }) => ({ location: name, document: parse(text) })),
  config,
  plugins: [{ typescript: {} }, { operations: {} }],
  pluginMap: { typescript, operations: operationTypes },
});

const fragments = new Map(document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION).map((definition) => [definition.name.value, definition]));

// The fragments that a definition spreads, and those that they spread.
function spread(definition, found = new Set()) {
  visit(definition, { FragmentSpread: ({ name }) => {
    if (found.has(name.value)) return;
    found.add(name.value);
    spread(fragments.get(name.value), found);
  } });
  return found;
}

const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
const kinds = { query: 'Query', mutation: 'Mutation', subscription: 'Subscription' };
const isFirst = new Map(files.flatMap(({ name, text }) => parse(text).definitions.map((definition) => [definition.name.value, FIRST.includes(name)])));
const script = (first) => [
  `// ${header}\n`,
  "import { gql } from '@urql/core';\n",
  ...operations.filter(({ name }) => isFirst.get(name.value) === first).map((definition) => {
    const name = definition.name.value;
    const type = `${name}${kinds[definition.operation]}`;
    const text = [definition, ...[...spread(definition)].sort().map((fragment) => fragments.get(fragment))].map(print).join('\n');
    return `export const ${name} = /** @type {import('@urql/core').TypedDocumentNode<import('./types').${type}, import('./types').${type}Variables>} */ (gql(${JSON.stringify(text)}));\n`;
  }),
].join('\n');

let stale = false;
for (const [name, text] of [['types.d.ts', `// ${header}\n\n${types}\n`], ['first.js', script(true)], ['operations.js', script(false)]]) {
  const path = join(folder, 'generated', name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale = true;
  if (flag === '--check') console.error(`${name} is stale: run scripts/console generate`);
  else writeFileSync(path, text);
}
console.log(`ok - console: ${operations.length} operations are valid${flag === '--check' ? '' : ', types written'}`);
process.exit(flag === '--check' && stale ? 1 : 0);
