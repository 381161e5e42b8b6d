// Tables of rows, and pages of a connection.

import { html } from '../lib/html.js';
import { Button } from './basic.js';

/** @typedef {import('preact').ComponentChildren} Children */

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} label
 * @property {(row: Row) => Children} cell
 * @property {'start' | 'end'} [align] `end` for numbers
 * @property {boolean} [isHead] whether the cell names its row
 */

/**
 * A table. In a narrow window every row becomes a card; the roles keep its meaning for screen readers then.
 * @template Row
 * @param {{ caption: string, columns: Column<Row>[], rows: Row[], rowKey: (row: Row) => string, rowClass?: (row: Row) => string, busy?: boolean }} props `caption`: for screen readers
 */
export function Table({ caption, columns, rows, rowKey, rowClass, busy = false }) {
  return html`<table class="stack" role="table" aria-busy=${busy ? 'true' : 'false'}>
    <caption class="hidden">${caption}</caption>
    <thead role="rowgroup"><tr role="row">
      ${columns.map(({ label, align }) => html`<th key=${label} role="columnheader" scope="col" class=${align ?? ''}>${label}</th>`)}
    </tr></thead>
    <tbody role="rowgroup">${rows.map(
      (row) => html`<tr key=${rowKey(row)} role="row" class=${rowClass?.(row)} data-key=${rowKey(row)}>
      ${columns.map(({ label, cell, align, isHead }) =>
        isHead
          ? html`<th key=${label} role="rowheader" scope="row" data-label=${label} class=${align ?? ''}>${cell(row)}</th>`
          : html`<td key=${label} role="cell" data-label=${label} class=${align ?? ''}>${cell(row)}</td>`,
      )}
    </tr>`,
    )}</tbody>
  </table>`;
}

/**
 * Forward and back through a connection's pages. The page is in the address bar, so that it can be shared.
 * @param {{ pageInfo: { hasNextPage: boolean, hasPreviousPage: boolean, startCursor?: string | null, endCursor?: string | null } | undefined,
 *   onPage: (page: { after?: string, before?: string }) => void, total?: number | string, busy?: boolean }} props
 */
export function Pager({ pageInfo, onPage, total, busy = false }) {
  if (!pageInfo) return null;
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = pageInfo;
  if (!hasNextPage && !hasPreviousPage && total === undefined) return null;
  return html`<nav class="pager" aria-label="Pages">
    <${Button} disabled=${!hasPreviousPage} busy=${busy} onClick=${() => onPage({ before: startCursor ?? undefined })}>← Newer</${Button}>
    <${Button} disabled=${!hasNextPage} busy=${busy} onClick=${() => onPage({ after: endCursor ?? undefined })}>Older →</${Button}>
    ${total !== undefined && html`<span class="total">${total}</span>`}
  </nav>`;
}

/**
 * The arguments of a connection for the page in the address bar.
 * @param {URLSearchParams} params with `after` or `before`
 * @param {number} size
 */
export function pageArguments(params, size) {
  const before = params.get('before');
  return before
    ? { last: size, before, first: null, after: null }
    : { first: size, after: params.get('after') || null, last: null, before: null };
}
