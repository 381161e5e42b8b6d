// Words about numbers: kinds and places.

import { NONE } from '../../lib/format.js';
import { countryName } from '../../ui/names.js';

/** @type {Record<string, string>} */
export const TYPES = { LOCAL: 'Local', MOBILE: 'Mobile', TOLL_FREE: 'Toll-free' };

/** Where a number comes from, and what is said of its beginning. @type {Record<string, [string, string]>} */
export const ORIGINS = {
  PURCHASED: ['Bought', 'Bought'],
  STOCK: ['Bought ahead, and taken from stock', 'Taken from stock'],
  IMPORTED: ['Imported: the carrier account held it before', 'Imported'],
  PORTED: ['Ported from another carrier', 'Ported'],
  HOSTED: ['Hosted: its calls stay at its carrier', 'Hosted'],
};

/** Whether the carrier account held the number before, so that it can be given back. @param {{ origin: string }} number */
export const isTakenOver = ({ origin }) => origin === 'IMPORTED' || origin === 'HOSTED';

/** Most characters of a label that the API accepts. */
export const LONGEST_LABEL = '100';

/** What a number in the pool does. */
export const POOL_WORDS =
  'No agent answers a number in the pool. A routing rule can forward its calls or play a message; otherwise callers hear that nobody can take the call. Texts to it are stored. It costs the same.';

/**
 * Whether the number waits for an agent: it is held, and neither an agent nor a call group has it.
 * @param {{ status: string, agent: { id: string } | null, callGroup: { id: string } | null }} number
 */
export const isPooled = ({ status, agent, callGroup }) => agent === null && callGroup === null && status !== 'RELEASED';

/** Whether the number can get another agent or label. @param {{ status: string }} number */
export const isSettled = ({ status }) => status === 'ACTIVE' || status === 'INACTIVE';

/** @type {[string, string][]} */
export const TYPE_OPTIONS = [
  ['LOCAL', 'Local: of a town or region'],
  ['MOBILE', 'Mobile'],
  ['TOLL_FREE', 'Toll-free: callers pay nothing'],
];

/**
 * “New York, NY, United States”: what is known of it.
 * @param {{ locality: string | null, region: string | null, countryCode?: string }} number
 */
export function placeOf({ locality, region, countryCode }) {
  const parts = [locality, region === locality ? null : region, countryCode ? countryName(countryCode) : null];
  return parts.filter(Boolean).join(', ') || NONE;
}
