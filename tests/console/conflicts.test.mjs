// Rules out of reach, as the console marks them: the same cases as the server's check.

import assert from 'node:assert/strict';
import test from 'node:test';

import { conflictsOf, implies } from './console/views/number/conflicts.js';

const berlin = (condition) => ({ timeZone: 'Europe/Berlin', ...condition });
const CASES = [
  [{}, {}, true],
  [{ callers: ['+49'] }, {}, true],
  [{}, { callers: ['+49'] }, false],
  [{ callers: ['+49 30'] }, { callers: ['+49'] }, true],
  [{ callers: ['+49', 'anonymous'] }, { callers: ['+4'] }, false],
  [{ callers: ['Restricted'] }, { callers: ['anonymous'] }, true],
  [{ callers: ['911'] }, { callers: ['+'] }, false],
  [berlin({ days: ['MONDAY'] }), berlin({ days: ['MONDAY', 'TUESDAY'] }), true],
  [berlin({ days: ['MONDAY'] }), { days: ['MONDAY'], timeZone: 'UTC' }, false],
  [berlin({ from: '09:00', to: '12:00' }), berlin({ from: '08:00', to: '18:00' }), true],
  [berlin({ from: '09:00', to: '19:00' }), berlin({ from: '08:00', to: '18:00' }), false],
  [berlin({ from: '01:00', to: '05:00' }), berlin({ from: '22:00', to: '06:00' }), true],
  [berlin({ from: '01:00', to: '05:00', days: ['MONDAY'] }), berlin({ from: '22:00', to: '06:00', days: ['MONDAY'] }), false],
  [berlin({ from: '22:00', to: '06:00', days: ['MONDAY'] }), berlin({ days: ['MONDAY'] }), false],
  [berlin({ dates: ['2026-11-30'] }), berlin({ days: ['MONDAY'] }), true],
  [berlin({ dates: ['2026-12-25'] }), berlin({ dates: ['2026-12-25', '2026-12-26'] }), true],
];

for (const [own, other, expected] of CASES) {
  test(`${JSON.stringify(own)} ${expected ? 'is' : 'is not'} within ${JSON.stringify(other)}`, () => {
    assert.equal(implies(own, other), expected);
  });
}

test('the later rule is marked, and a half-typed one is not', () => {
  const rules = [
    { name: 'All', condition: {} },
    { name: 'Germany', condition: { callers: ['+49'] } },
    { name: 'All', condition: { from: '09:00', timeZone: 'UTC' } },
  ];
  assert.deepEqual(
    conflictsOf(rules).map(({ index, other, field }) => [index, other, field]),
    [
      [1, 0, undefined],
      [2, 0, 'name'],
    ],
  );
});
