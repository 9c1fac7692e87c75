import { describe, expect, it } from 'vitest';
import { besideFirst, outcomeOf, type Round } from './round.js';

/** A round in which trainings gave these bits. */
function roundOf(bits: Readonly<Record<string, string>>): Round {
  return {
    ...{ round: 'disk', commit: 'abc', modified: false, date: '2026-01-02T03:04:05.678Z' },
    ...{ machine: 'a machine', node: 'v20', backend: 'xla', device: 'a device', refusal: null },
    ...{ compilations: 0, compileMs: 0, loads: 1 },
    outcomes: [
      outcomeOf('sum', { error: 0, limit: 0 }),
      ...Object.entries(bits).map(([check, bits]) => outcomeOf(check, { bits })),
    ],
  };
}

const last = ({ outcomes }: Round) => outcomes.at(-1);

describe('a later round beside the first', () => {
  const first = roundOf({ primal: '0123456789abcdef', softmax: 'fedcba9876543210' });

  it('is right where all trainings gave the same bits', () => {
    const round = besideFirst(roundOf({ primal: '0123456789abcdef', softmax: 'fedcba9876543210' }), first);
    expect(round.outcomes).toHaveLength(first.outcomes.length + 1);
    expect(last(round)).toMatchObject({
      check: 'same bits in another process',
      ok: true,
      detail: '2 of 2 trainings',
    });
  });

  it('fails where one gave others, or none, in either', () => {
    const other = besideFirst(roundOf({ primal: '0123456789abcdef', softmax: '0000000000000000' }), first);
    expect(last(other)).toMatchObject({
      ok: false,
      wrong: 'softmax: fedcba9876543210 in the first process, 0000000000000000 here',
      detail: '1 of 2 trainings',
    });
    const fewer = roundOf({ softmax: 'fedcba9876543210' });
    expect(last(besideFirst(fewer, first))).toMatchObject({
      ok: false,
      wrong: 'primal: 0123456789abcdef in the first process, nothing here',
    });
    expect(last(besideFirst(first, fewer))).toMatchObject({
      ok: false,
      wrong: 'primal: nothing in the first process, 0123456789abcdef here',
    });
  });

  it('fails where nothing was trained at all', () => {
    expect(last(besideFirst(roundOf({}), roundOf({})))).toMatchObject({
      ok: false,
      wrong: 'no training gave bits',
    });
  });
});

it('an outcome fails beyond its limit, for NaN, and where something else is wrong', () => {
  const ok = (found: Parameters<typeof outcomeOf>[1]) => outcomeOf('c', found).ok;
  expect([ok({}), ok({ error: 1, limit: 1 }), ok({ error: 0 })]).toEqual([true, true, true]);
  expect([ok({ error: 2, limit: 1 }), ok({ error: Number.NaN, limit: 1 }), ok({ wrong: 'x' })]).toEqual([
    false,
    false,
    false,
  ]);
});
