// What the form of a call group does about versions that arrive while it is shown.

import assert from 'node:assert/strict';
import test from 'node:test';

import { membersOf, newestOf, stepOf } from './console/views/groups/draft.js';

const member = (id, weight = 1, maxCalls = null) => ({ weight, maxCalls, agent: { id, name: id, status: 'ACTIVE' } });
const group = (version, changes = {}) => ({
    id: 'group',
    name: 'Front desk',
    strategy: 'WEIGHTED',
    version,
    createdAt: '2026-11-02T08:00:00Z',
    members: [member('elm', 3), member('lake', 1, 2)],
    ...changes,
});

const BASE = group(1);
const typed = { ...membersOf(BASE), name: 'Reception' };
const meets = (newest, values = typed) => stepOf({ values, isDirty: true, base: BASE, newest });

const DIFFERENT = {
    name: { name: 'Lobby' },
    strategy: { strategy: 'OVERFLOW' },
    'an agent more': { members: [...BASE.members, member('oak')] },
    'an agent less': { members: BASE.members.slice(1) },
    'another order': { members: BASE.members.toReversed() },
    'another weight': { members: [member('elm', 4), member('lake', 1, 2)] },
    'another limit': { members: [member('elm', 3), member('lake', 1)] },
    'no agents': { members: [] },
};
for (const [what, changes] of Object.entries(DIFFERENT)) {
    test(`a newer version that differs in content asks: ${what}`, () => {
        assert.equal(meets(group(2, changes)), 'ask');
    });
    test(`a newer version is shown where nothing was typed: ${what}`, () => {
        const state = { values: membersOf(BASE), isDirty: false, base: BASE, newest: group(2, changes) };
        assert.equal(stepOf(state), 'take');
    });
    test(`a newer version that is as typed is taken without a question: ${what}`, () => {
        assert.equal(meets(group(2, changes), membersOf(group(1, changes))), 'take');
    });
}

test('a newer version with the content of the base keeps what was typed, without a question', () => {
    assert.equal(meets(group(3)), 'rebase');
});

test('a renamed or paused agent is no other content', () => {
    const renamed = { weight: 3, maxCalls: null, agent: { id: 'elm', name: 'Elm Street', status: 'PAUSED' } };
    assert.equal(meets(group(2, { members: [renamed, BASE.members[1]] })), 'rebase');
});

test('lines that were added, moved and padded with spaces are compared by what they say', () => {
    const values = membersOf(group(1, { name: ' Front desk ', members: BASE.members.toReversed() }));
    values.members = values.members.map((line) => ({ ...line, key: line.key + 7, weight: ` ${line.weight}` }));
    assert.equal(meets(group(2, { members: BASE.members.toReversed() }), values), 'take');
});

test('a weight that is not finished is not taken for the one that it would be sent as', () => {
    const values = membersOf(BASE);
    values.members = values.members.map((line) => (line.agentId === 'lake' ? { ...line, weight: '' } : line));
    assert.equal(meets(group(2, { name: 'Lobby' }), { ...values, name: 'Lobby' }), 'ask');
});

test('the same version again changes nothing', () => {
    assert.equal(meets(BASE), null);
    assert.equal(meets(group(1)), null);
});

test('edits are discarded in favour of the newest version, after which nothing is asked', () => {
    const reads = [group(2, { name: 'Lobby' }), group(2), group(2, DIFFERENT['an agent less'])];
    for (const read of reads) {
        const newest = newestOf(BASE, read);
        assert.equal(newest, read);
        assert.equal(
            stepOf({ values: membersOf(newest), isDirty: false, base: newest, newest: newestOf(newest, read) }),
            null,
        );
    }
});

test('what was saved here is newer than what was read before', () => {
    const saved = group(2, { name: 'Reception' });
    assert.equal(newestOf(saved, BASE), saved);
    assert.equal(newestOf(saved, null), saved);
    assert.equal(newestOf(null, null), null);
});
