// Comma-separated values, for spreadsheets.

/** Most rows of one file; a practice's calls of a year are fewer. */
export const MAX_ROWS = 20_000;

/** What a spreadsheet takes for a formula: a caller's name could compute. Numbers and phone numbers are none. */
const FORMULA = /^[=@\t\r]|^[+-](?![\d.\s()-]*$)/;

/**
 * @param {string[]} head
 * @param {(string | number | null | undefined)[][]} rows
 * @returns {string} RFC 4180
 */
export function csv(head, rows) {
  const cell = (/** @type {string | number | null | undefined} */ value) => {
    const text = String(value ?? '');
    const safe = FORMULA.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [head, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/**
 * Offers a file to save.
 * @param {string} name
 * @param {string} text
 */
export function download(name, text) {
  // The mark tells spreadsheets that the file is UTF-8.
  const url = URL.createObjectURL(new Blob(['\uFEFF', text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/**
 * All rows of a connection, page by page, up to [`MAX_ROWS`].
 * @template Row
 * @param {(after: string | null) => Promise<{ nodes: Row[], pageInfo: { hasNextPage: boolean, endCursor?: string | null } }>} page
 * @param {(count: number) => void} [onProgress] rows read so far
 * @returns {Promise<{ rows: Row[], complete: boolean }>}
 */
export async function all(page, onProgress) {
  /** @type {Row[]} */
  const rows = [];
  for (let after = /** @type {string | null} */ (null); ;) {
    const { nodes, pageInfo } = await page(after);
    rows.push(...nodes);
    onProgress?.(rows.length);
    if (!pageInfo.hasNextPage) return { rows, complete: true };
    if (rows.length >= MAX_ROWS) return { rows, complete: false };
    after = pageInfo.endCursor ?? null;
  }
}
