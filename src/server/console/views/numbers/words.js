// Words about numbers: kinds and places.

import { NONE } from '../../lib/format.js';
import { countryName } from '../../ui/names.js';

/** @type {Record<string, string>} */
export const TYPES = { LOCAL: 'Local', MOBILE: 'Mobile', TOLL_FREE: 'Toll-free' };

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
