// Operations of all tenants that failed, are under way, or have not started.

import { OperatorOperations } from '../../generated/operations.js';
import * as format from '../../lib/format.js';
import { useNow, useQuery } from '../../lib/hooks.js';
import { html } from '../../lib/html.js';
import * as router from '../../lib/router.js';
import { Button, Empty, Loading, Problem, Section } from '../../ui/basic.js';
import { Filter } from '../../ui/form.js';
import { kindWords, stepWords } from '../../ui/progress.js';
import { pageArguments, Pager, Table } from '../../ui/table.js';
import { ActFor, TenantId } from './tenant.js';

const PAGE = 10;

/** @typedef {import('../../generated/types').OperatorOperationFragment} Operation */
/** @typedef {import('../../generated/types').OperationState} OperationState */
/** @typedef {{ state: OperationState, title: string, none: string, hint: string }} List */

/** @type {List[]} */
const LISTS = [
  {
    state: 'FAILED',
    title: 'Failed',
    none: 'No operation failed.',
    hint: 'Partial work was rolled back. The tenant can try again.',
  },
  {
    state: 'RUNNING',
    title: 'Under way',
    none: 'No operation is under way.',
    hint: 'They go on by themselves. One that waits is repeated until it can go on.',
  },
  {
    state: 'PENDING',
    title: 'Not started',
    none: 'No operation waits for its start.',
    hint: 'A number that is being released waits here until its grace period ends.',
  },
];

/** Kinds of operations. @type {import('../../generated/types').OperationKind[]} */
const KINDS = [
  'CREATE_AGENT',
  'PROVISION_NUMBER',
  'RELEASE_NUMBER',
  'REPAIR_NUMBER',
  'CHECK_NUMBER',
  'DELETE_AGENT',
  'RESTORE_VOICE_AGENT',
  'IMPORT_NUMBER',
  'RESTORE_NUMBER',
  'MOVE_NUMBER',
  'KEEP_NUMBER',
  'PORT_NUMBER',
  'CREATE_CARRIER_ACCOUNT',
  'SEND_MESSAGE',
];

export function Operations() {
  const kind = KINDS.find((known) => known === router.address.value.params.get('kind'));
  const set = (/** @type {string} */ value) =>
    router.setParams({
      kind: value,
      ...Object.fromEntries(
        LISTS.flatMap(({ state }) => [
          [`${state}-after`, null],
          [`${state}-before`, null],
        ]),
      ),
    });
  return html`
    <p class="hint">Looking here is recorded in the trail of every tenant whose operations are shown, so these lists are read again only when you ask.</p>
    <div class="filters">
      <${Filter} label="Kind" value=${kind ?? ''} onChange=${set}
        options=${[['', 'All'], ...KINDS.map((value) => [value, kindWords(value)])]} />
    </div>
    ${LISTS.map((list) => html`<${OperationList} key=${list.state} list=${list} kind=${kind} />`)}`;
}

/** @param {{ list: List, kind: import('../../generated/types').OperationKind | undefined }} props */
function OperationList({ list: { state, title, none, hint }, kind }) {
  const { params } = router.address.value;
  const own = new URLSearchParams();
  for (const end of ['after', 'before']) own.set(end, params.get(`${state}-${end}`) ?? '');
  const read = useQuery(
    OperatorOperations,
    { ...pageArguments(own, PAGE), filter: { state, kind } },
    { platform: true },
  );
  const rows = read.data?.operations.nodes ?? [];
  const turn = (/** @type {{ after?: string, before?: string }} */ { after, before }) =>
    router.setParams({ [`${state}-after`]: after, [`${state}-before`]: before });
  return html`<${Section} title=${title} actions=${html`<${Button} label=${`Refresh: ${title}`} busy=${read.loading} onClick=${read.refetch}>Refresh</${Button}>`}>
    <${Problem} read=${read} />
    ${!read.data && read.loading && html`<${Loading} />`}
    ${read.data && rows.length === 0 && html`<${Empty}>${none}</${Empty}>`}
    ${
      rows.length > 0 &&
      html`<p class="hint">${hint}</p>
      <${OperationTable} caption=${`Operations: ${title.toLowerCase()}, newest first`} state=${state} rows=${rows} busy=${read.loading} />
      <${Pager} pageInfo=${read.data?.operations.pageInfo} busy=${read.loading} onPage=${turn} />`
    }
  </${Section}>`;
}

/** @param {{ caption: string, state: OperationState, rows: Operation[], busy: boolean }} props */
function OperationTable({ caption, state, rows, busy }) {
  const now = useNow(5000);
  const when = (/** @type {string | null} */ at) =>
    at ? html`<time datetime=${at} title=${format.dateTime(at)}>${format.ago(at, now)}</time>` : format.NONE;
  /** @type {import('../../ui/table.js').Column<Operation>[]} */
  const columns = [
    { label: 'Operation', isHead: true, cell: ({ kind }) => kindWords(kind) },
    {
      label: 'Tenant',
      cell: ({ tenant }) => (tenant ? html`<${TenantId} userId=${tenant.userId} linked />` : format.NONE),
    },
  ];
  if (state === 'FAILED') {
    columns.push(
      { label: 'Why', cell: ({ error }) => html`<${Reason} error=${error} />` },
      { label: 'Failed', cell: ({ finishedAt }) => when(finishedAt) },
    );
  } else {
    columns.push(
      { label: 'Next step', cell: ({ step, attempts }) => stepWords(step) + attemptWords(attempts) },
      { label: 'Waits for', cell: ({ waitsFor }) => (waitsFor ? html`<${Reason} error=${waitsFor} />` : format.NONE) },
    );
  }
  columns.push(
    { label: 'Requested', cell: ({ createdAt }) => when(createdAt) },
    { label: 'Actions', cell: ({ tenant }) => tenant && html`<${ActFor} userId=${tenant.userId} />` },
  );
  return html`<${Table} caption=${caption} columns=${columns} rows=${rows} rowKey=${(/** @type {Operation} */ { id }) => id} busy=${busy} />`;
}

/** @param {number} attempts */
const attemptWords = (attempts) => (attempts > 1 ? `, attempt ${format.number(attempts)}` : '');

/** @param {{ error: { code: string, message: string } | null }} props */
function Reason({ error }) {
  if (!error) return format.NONE;
  return html`<span><bdi>${error.message}</bdi> <span class="hint block">${format.words(error.code)}</span></span>`;
}
