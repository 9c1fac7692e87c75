import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { floats, program, standInDevice } from '../testing/tile-device.js';
import { tileCall } from './call.js';
import { chooseTile, type TileCandidates, takenTiles, tileChoiceText } from './choose.js';
import type { TileProgram } from './program.js';

const vector = floats(3);
/** Milliseconds by the number of warps. */
const speeds: Record<number, number> = { 1: 5, 2: 1, 4: 3 };
const candidate = (numWarps: number): TileProgram => program('sum', [vector, vector], [vector], { numWarps });
const all = {
  one: () => candidate(1),
  two: () => candidate(2),
  four: () => candidate(4),
};

let name = 0;
/** A name that no test used before: a process keeps what it chose. */
const named = (
  candidates: TileCandidates['candidates'],
  rest: Partial<TileCandidates> = {},
): TileCandidates => ({
  name: `sum ${name++}`,
  candidates,
  ...rest,
});

/** What a plugin says of what does not fit: for long, of 32 warps; now, of 64. */
function refuseLarge(numWarps: number): void {
  if (numWarps in speeds) return;
  const detail =
    numWarps === 64 ? 'Out of memory while trying to allocate' : 'Shared memory size limit exceeded';
  throw Object.assign(new Error(`RESOURCE_EXHAUSTED: ${detail}: ${numWarps} warps`), {
    code: 'RESOURCE_EXHAUSTED',
  });
}

/** A device that times kernels by the table, each in a second, and a disk. */
function timingDevice(disk = new Map<string, string>()) {
  let seconds = 0;
  const measured: number[] = [];
  /** Compiled, untimed. */
  const compiled: number[] = [];
  vi.spyOn(performance, 'now').mockImplementation(() => 1000 * seconds);
  const device = standInDevice(
    { sum: (x, y) => [tf.add(x, y)] },
    {
      measureTile({ numWarps }) {
        seconds++;
        measured.push(numWarps);
        refuseLarge(numWarps);
        return speeds[numWarps];
      },
      tryTile({ numWarps }) {
        compiled.push(numWarps);
        refuseLarge(numWarps);
      },
      recall: (key) => disk.get(key),
      remember: (key, text) => void disk.set(key, text),
    },
  );
  cleanUp.push(() => device.remove());
  return { measured, compiled, device, disk };
}

const cleanUp: (() => void)[] = [];
// The time is that of all choices of a process, and so of all these tests.
beforeEach(() => void vi.stubEnv('PRIMAL_TUNING', '1000'));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  for (const step of cleanUp.splice(0)) step();
});

describe('chooseTile', () => {
  it('takes the fastest, measured once', () => {
    const { measured } = timingDevice();
    const of = named(all);
    for (let i = 0; i < 2; i++) {
      expect(chooseTile(of)).toEqual({
        label: 'two',
        program: candidate(2),
        by: 'measurement',
        milliseconds: 1,
        tried: { tried: 3, of: 3 },
      });
    }
    expect(measured).toEqual([1, 2, 4]);
    // Other operands are another choice.
    const wide = program('sum', [floats(5), floats(5)], [floats(5)]);
    chooseTile({ ...of, candidates: { ...all, one: () => wide } });
    expect(measured.length).toBe(6);
  });

  it('stops when the time is over, with the best so far', () => {
    const { measured } = timingDevice();
    expect(chooseTile(named(all, { seconds: 0.5 }))?.label).toBe('one');
    expect(measured).toEqual([1]);
    const two = chooseTile(named(all, { seconds: 1.5 }))!;
    expect(two).toMatchObject({ label: 'two', tried: { tried: 2, of: 3 } });
    expect(tileChoiceText(two)).toBe('by measurement of 2 of 3');
  });

  it('when the time of all choices is over takes the first candidate that compiles, and times none', async () => {
    vi.resetModules();
    const fresh = await import('./choose.js');
    vi.stubEnv('PRIMAL_TUNING', '4');
    const { measured, compiled, disk } = timingDevice();
    const large = { large: () => candidate(32), ...all };
    const list = [named(large), named(large), named(large)];
    expect(list.map((of) => fresh.chooseTile(of)?.label)).toEqual(['two', 'one', 'one']);
    expect(measured).toEqual([32, 1, 2, 4]);
    expect(compiled).toEqual([32, 1, 32, 1]);
    const untimed = fresh.chooseTile(list[1])!;
    expect(untimed).toEqual({ label: 'one', program: candidate(1), by: 'first', tried: { tried: 0, of: 4 } });
    expect(tileChoiceText(untimed)).toBe('first that compiles, no time was left');
    // Another time is another choice, kept for itself.
    vi.stubEnv('PRIMAL_TUNING', '100');
    expect(fresh.chooseTile(list[1])?.label).toBe('two');
    expect(disk.size).toBe(4);
    vi.stubEnv('PRIMAL_TUNING', 'soon');
    expect(() => fresh.chooseTile(named(all))).toThrow(
      /PRIMAL_TUNING must be a number of seconds.*got 'soon'/,
    );
  });

  it('passes over what cannot be made, compiled or run', () => {
    timingDevice();
    const bad = {
      odd: () => {
        throw new Error('3 tokens do not make tiles of 64');
      },
      large: () => candidate(32),
    };
    expect(chooseTile(named({ ...bad, ...all }))?.label).toBe('two');
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const of = named(bad);
    for (let i = 0; i < 2; i++) expect(chooseTile(of)).toBeUndefined();
    expect(warn.mock.calls).toEqual([
      [
        expect.stringMatching(
          /no candidate .*odd: 3 tokens do not make .*large: RESOURCE_EXHAUSTED: .*32 warps/s,
        ),
      ],
    ]);
  });

  it('says what it tried where PRIMAL_LOG asks for it', () => {
    timingDevice();
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    vi.stubEnv('PRIMAL_LOG', 'cache,tile');
    const of = named({ large: () => candidate(32), ...all }, { seconds: 1.5 });
    chooseTile(of);
    expect(error.mock.calls.flat()).toEqual([
      `primal tile: ${of.name}, large: passed over, RESOURCE_EXHAUSTED: Shared memory size limit exceeded: 32 warps`,
      `primal tile: ${of.name}, one: 5.0000 ms`,
      `primal tile: ${of.name}, two: not tried, the time is over`,
      `primal tile: ${of.name}, four: not tried, the time is over`,
    ]);
  });

  it('takes what is asked for, or the only one, unmeasured', () => {
    const { measured } = timingDevice();
    expect(chooseTile(named(all, { choice: 'four' }))).toEqual({
      label: 'four',
      program: candidate(4),
      by: 'request',
    });
    expect(chooseTile(named({ one: all.one }))).toEqual({ label: 'one', program: candidate(1), by: 'only' });
    expect(measured).toEqual([]);
    expect(() => chooseTile(named(all, { choice: 'five' }))).toThrow(/one; two; four, got choice 'five'/);
    expect(() => chooseTile(named({}))).toThrow(/no candidates/);
  });

  it('tells what was taken, each once', () => {
    timingDevice();
    const [measured, fixed] = [named(all), named(all, { choice: 'four' })];
    const before = takenTiles().length;
    for (const of of [measured, fixed, measured]) chooseTile(of);
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    chooseTile(named({ large: () => candidate(32), larger: () => candidate(33) }));
    expect(takenTiles().slice(before)).toEqual([
      { name: measured.name, label: 'two', by: 'measurement', tried: { tried: 3, of: 3 } },
      { name: fixed.name, label: 'four', by: 'request', tried: undefined },
    ]);
  });

  it('keeps the choice on disk, for the same kernel', () => {
    const disk = new Map<string, string>();
    const of = named(all);
    timingDevice(disk);
    chooseTile(of);
    expect(disk.size).toBe(1);
    /** The choice of a process that has measured nothing. */
    const later = (candidates: TileCandidates['candidates']) => {
      const key = [...disk.keys()][0];
      const renamed = named(candidates);
      disk.set(key.replace(of.name, renamed.name), disk.get(key)!);
      return chooseTile(renamed);
    };
    const tried = { tried: 3, of: 3 };
    const known = later(all)!;
    expect(known).toEqual({ label: 'two', program: candidate(2), by: 'disk', milliseconds: 1, tried });
    expect(tileChoiceText(known)).toBe('by measurement of 3 of 3, in an earlier process');
    expect(tileChoiceText({ ...known, tried: { tried: 0, of: 3 } })).toBe(
      'first that compiles, no time was left, in an earlier process',
    );
    // The kernel under that label has changed since.
    const changed = { ...all, two: () => ({ ...candidate(2), ir: 'module { another }' }) };
    expect(later(changed)?.by).toBe('measurement');
  });

  it('reads notes that do not say how many were tried', () => {
    const disk = new Map<string, string>();
    const { measured } = timingDevice(disk);
    const of = named(all);
    chooseTile(of);
    const [[key, text]] = disk;
    const { tried: _, ...before } = JSON.parse(text);
    const later = named(all);
    disk.set(key.replace(of.name, later.name), JSON.stringify(before));
    const known = chooseTile(later)!;
    expect(known).toMatchObject({ label: 'two', by: 'disk' });
    expect(tileChoiceText(known)).toBe('by measurement, in an earlier process');
    expect(measured).toEqual([1, 2, 4]);
  });

  it('keeps no choice for later processes that the memory of this one decided', () => {
    const { measured, disk } = timingDevice();
    const of = named({ ...all, full: () => candidate(64) });
    for (let i = 0; i < 2; i++) expect(chooseTile(of)?.label).toBe('two');
    expect(measured).toEqual([1, 2, 4, 64]);
    expect(disk.size).toBe(0);
    // What never fits is no reason.
    chooseTile(named({ ...all, large: () => candidate(32) }));
    expect(disk.size).toBe(1);
  });

  it('is nothing where kernels do not run', () => {
    expect(chooseTile(named(all))).toBeUndefined();
  });
});

it('tileCall runs the candidate that was chosen, or the plain formulation when none works', () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  const { device } = timingDevice();
  const x = tf.tensor1d([1, 2, 3]);
  const call = (of: TileCandidates): number[] => [
    ...tileCall(of, [x, x], { plain: (x, y) => [tf.add(tf.add(x, y), 0.5)] })[0].dataSync(),
  ];
  expect(call(named(all))).toEqual([2, 4, 6]);
  expect(call(named({ a: () => candidate(32), b: () => candidate(16) }))).toEqual([2.5, 4.5, 6.5]);
  expect(device.calls).toEqual(['sum']);
});
