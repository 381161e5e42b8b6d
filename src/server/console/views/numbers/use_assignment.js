// Changes who has a number, or its label. Both are one mutation of the API, which moves a number to the pool unless it names an
// agent: a change of the label names the present one. A change is made only if the number still has the agent that the person saw.

import { useState } from 'preact/hooks';

import { NumbersAssign, NumbersAssignedNow } from '../../generated/operations.js';
import { readOnce, useMutation } from '../../lib/hooks.js';

/** @typedef {{ id: string, agent: { id: string } | null }} Assigned */
/** @typedef {import('../../lib/hooks.js').Changed<import('../../generated/types').NumbersAssignMutation>} Changed */

const CHANGED =
  'Somebody else has assigned this number meanwhile. Nothing was changed: look who has it now, then decide again.';

/**
 * Returns a function that makes the change, and whether one is under way.
 * @returns {[(number: Assigned, wish: { to?: string | null, label?: string | null }) => Promise<Changed>, boolean]} `to`: id of the
 *   agent, or null for the pool. What is left out stays as it is
 */
export function useAssignment() {
  const [assign] = useMutation(NumbersAssign);
  const [busy, setBusy] = useState(false);
  /** @param {Assigned} number @param {{ to?: string | null, label?: string | null }} wish @returns {Promise<Changed>} */
  const send = async ({ id, agent }, { to, label }) => {
    const expectedAgentId = agent?.id ?? null;
    // The API cannot be told to expect the pool.
    if (expectedAgentId === null && !(await isStillPooled(id))) return refused(CHANGED);
    const result = await assign({
      input: { id, agentId: to === undefined ? expectedAgentId : to, expectedAgentId, label },
    });
    const isOld = result.userErrors.some(({ field }) => field?.at(-1) === 'expectedAgentId');
    return isOld ? refused(CHANGED) : result;
  };
  /** @type {typeof send} */
  const run = async (number, wish) => {
    setBusy(true);
    try {
      return await send(number, wish);
    } catch (error) {
      return { data: undefined, userErrors: [], problem: /** @type {Error} */ (error).message, ok: false };
    } finally {
      setBusy(false);
    }
  };
  return [run, busy];
}

/** @param {string} id */
async function isStillPooled(id) {
  const { phoneNumber } = await readOnce(NumbersAssignedNow, { id });
  return phoneNumber === null || phoneNumber.agent === null;
}

/** @param {string} message @returns {Changed} */
const refused = (message) => ({
  data: undefined,
  userErrors: [{ code: 'INVALID_INPUT', message, field: null }],
  problem: null,
  ok: false,
});
