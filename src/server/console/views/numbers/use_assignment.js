// Changes who has a number, or its label. Both are one mutation of the API, which moves a number to the pool unless it names an
// agent or a call group: a change of the label names the present one. A change is made only if the number still has the agent or
// group that the person saw.

import { useState } from 'preact/hooks';

import { NumbersAssign, NumbersAssignedNow } from '../../generated/operations.js';
import { readOnce, useMutation } from '../../lib/hooks.js';
import { fault, unsent } from '../../ui/form.js';

/** @typedef {{ id: string, agent: { id: string } | null, callGroup: { id: string } | null }} Assigned */
/** @typedef {import('../../lib/hooks.js').Changed<import('../../generated/types').NumbersAssignMutation>} Changed */

/**
 * What is left out stays as it is.
 * @typedef {object} Wish
 * @property {string | null} [to] id of the agent; null for the call group or, without one, the pool
 * @property {string} [group] id of the call group
 * @property {string | null} [label]
 */

const CHANGED =
  'Somebody else has assigned this number meanwhile. Nothing was changed: look who has it now, then decide again.';

/**
 * Returns a function that makes the change, and whether one is under way.
 * @returns {[(number: Assigned, wish: Wish) => Promise<Changed>, boolean]}
 */
export function useAssignment() {
  const [assign] = useMutation(NumbersAssign);
  const [busy, setBusy] = useState(false);
  /** @param {Assigned} number @param {Wish} wish @returns {Promise<Changed>} */
  const send = async ({ id, agent, callGroup }, { to, group, label }) => {
    const expectedAgentId = agent?.id ?? null;
    // The API cannot be told to expect the pool or a group.
    if (expectedAgentId === null && !(await isStill(id, callGroup?.id))) return unsent(fault(null, CHANGED));
    const stays = to === undefined && group === undefined;
    const agentId = stays ? expectedAgentId : (to ?? null);
    const callGroupId = stays ? callGroup?.id : group;
    const result = await assign({ input: { id, agentId, callGroupId, expectedAgentId, label } });
    const isOld = result.userErrors.some(({ field }) => field?.at(-1) === 'expectedAgentId');
    return isOld ? unsent(fault(null, CHANGED)) : result;
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

/** @param {string} id @param {string | undefined} group of the call group; undefined for the pool */
async function isStill(id, group) {
  const { phoneNumber } = await readOnce(NumbersAssignedNow, { id });
  return phoneNumber === null || (phoneNumber.agent === null && phoneNumber.callGroup?.id === group);
}
