import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { parseConfigOf, readConfigFile } from './config-file.js';
import { promoteRuns } from './promote.js';
import { type Provenance, provenance } from './provenance.js';
import { readableJson } from './readable-json.js';
import { claimRunPlace, finishedPlaces, finishedSummary, placesOf, settleRun } from './run-place.js';
import { groupBySeed, overSeeds, readSummaries } from './summaries.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'experiment-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
  vi.restoreAllMocks();
});

describe('a config', () => {
  const schema = z.strictObject({ epochs: z.int().positive() });

  it('is read, or refused with the file and each wrong setting', () => {
    const path = join(root, 'config.json');
    writeFileSync(path, '{"epochs": 3}');
    expect(readConfigFile(schema, path)).toEqual({ epochs: 3 });
    writeFileSync(path, '{"epochs": 0, "epoch": 1}');
    expect(() => readConfigFile(schema, path)).toThrow(/config\.json:[\s\S]*epochs/);
    writeFileSync(path, '{');
    expect(() => readConfigFile(schema, path)).toThrow(/config .*config\.json: /);
    expect(() => readConfigFile(schema, join(root, 'none.json'))).toThrow(/none\.json/);
    expect(() => parseConfigOf(schema, {}, 'here')).toThrow(/config here:/);
  });
});

describe('the place of a run', () => {
  it('keeps what the same config left, and moves aside what others did', () => {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    const places = placesOf(root, {});
    const place = join(root, 'run');
    expect(places).toMatchObject({ work: place, result: place });
    const leave = (hash: string): void =>
      writeFileSync(join(place, 'summary.json'), `{"configHash":"${hash}"}`);
    claimRunPlace(places, 'a'.repeat(64));
    leave('a'.repeat(64));
    claimRunPlace(places, 'a'.repeat(64));
    expect(finishedSummary(place, 'a'.repeat(64))).toEqual({ configHash: 'a'.repeat(64) });
    expect(finishedSummary(place, 'b'.repeat(64))).toBeUndefined();
    claimRunPlace(places, 'b'.repeat(64));
    expect(readdirSync(place)).toEqual(['config-hash']);
    claimRunPlace(places, 'a'.repeat(64));
    claimRunPlace(places, 'b'.repeat(64));
    claimRunPlace(places, 'a'.repeat(64));
    const superseded = join(root, 'superseded');
    expect(readdirSync(superseded).sort()).toEqual(
      ['a'.repeat(12), `${'a'.repeat(12)}-2`, 'b'.repeat(12), `${'b'.repeat(12)}-2`].sort(),
    );
    expect(existsSync(join(superseded, 'a'.repeat(12), 'summary.json'))).toBe(true);
  });
});

describe('a run that another process is making', () => {
  it('keeps its place, whatever the config', () => {
    const places = placesOf(root, {});
    claimRunPlace(places, 'a'.repeat(64));
    const lock = { host: hostname(), pid: process.ppid, began: beganOf(process.ppid), id: '1' };
    writeFileSync(join(places.work, 'in-use.tmp'), JSON.stringify(lock));
    expect(() => claimRunPlace(places, 'b'.repeat(64))).toThrow(`process ${process.ppid} is training in`);
    expect(readdirSync(root)).toEqual(['run']);
  });

  /** As Linux counts it, which knows it alone. */
  function beganOf(pid: number): string | null {
    if (process.platform !== 'linux') return null;
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  }
});

describe('the place of a variant', () => {
  it('has its files elsewhere until it is whole, and never two results', () => {
    vi.spyOn(console, 'log').mockImplementation(() => {});
    const places = placesOf(root, { seed: 1 });
    expect(places).toMatchObject({
      work: join(root, 'unfinished', 'seed1'),
      result: join(root, 'variants', 'seed1'),
    });
    const make = (hash: string): void => {
      claimRunPlace(places, hash);
      writeFileSync(join(places.work, 'summary.json'), `{"configHash":"${hash}"}`);
      settleRun(places);
    };
    expect(finishedPlaces(root)).toEqual([]);
    make('a'.repeat(64));
    expect(existsSync(places.work)).toBe(false);
    expect(finishedPlaces(root)).toEqual([places.result]);
    make('b'.repeat(64));
    expect(finishedSummary(places.result, 'b'.repeat(64))).toBeDefined();
    expect(readdirSync(join(root, 'superseded'))).toEqual(['a'.repeat(12)]);
    // Something of the same run without its summary is no result.
    rmSync(join(places.result, 'summary.json'));
    make('b'.repeat(64));
    expect(finishedPlaces(root)).toEqual([places.result]);
    expect(readdirSync(join(root, 'superseded'))).toHaveLength(1);
  });

  it('is the given one where a folder is asked for', () => {
    const out = join(root, 'elsewhere', 'x');
    expect(placesOf(root, { seed: 1 }, out)).toEqual({
      ...{ work: out, result: out, superseded: join(root, 'elsewhere', 'superseded') },
    });
  });
});

describe('results', () => {
  it('are read by name, grouped by all settings but the seed, and have mean and deviation', () => {
    const put = (id: string, config: object): void => {
      mkdirSync(join(root, 'results', id), { recursive: true });
      writeFileSync(join(root, 'results', id, 'summary.json'), JSON.stringify({ id, config }));
    };
    put('a.seed2', { steps: 3, seed: 2 });
    put('a', { seed: 0, steps: 3 });
    put('b', { seed: 0, steps: 4 });
    mkdirSync(join(root, 'results', 'empty'));
    const found = readSummaries<{ id: string; config: object }>(join(root, 'results'));
    expect(groupBySeed(found).map((group) => group.map(({ id }) => id))).toEqual([['a', 'a.seed2'], ['b']]);
    expect(readSummaries(join(root, 'none'))).toEqual([]);
    expect(overSeeds([2, 4, 9])).toEqual({ ours: 5, deviation: expect.closeTo(Math.sqrt(13), 12) });
    expect(overSeeds([2])).toEqual({ ours: 2 });
  });
});

describe('promoting', () => {
  const made = (change: Partial<Provenance> = {}): Provenance => ({
    ...provenance(),
    ...{ commit: 'c0ffee', modified: false },
    ...change,
  });
  function finishedRun(id: string, origin: Provenance, text = id) {
    const folder = join(root, 'runs', id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'summary.json'), readableJson({ id, text, provenance: origin }));
    for (const name of ['metrics.jsonl', 'timing.jsonl']) writeFileSync(join(folder, name), `${text}\n`);
    return { id, folder, provenance: origin };
  }
  const results = (): string => join(root, 'results');

  it('copies runs, and replaces another one only when told to', () => {
    const first = finishedRun('one', made());
    promoteRuns([first], results(), false);
    expect(readdirSync(join(results(), 'one')).sort()).toEqual([
      'metrics.jsonl',
      'summary.json',
      'timing.jsonl',
    ]);
    promoteRuns([first], results(), false);
    const later = finishedRun('one', made({ date: '2100-01-01T00:00:00.000Z' }), 'later');
    const two = finishedRun('two', made());
    expect(() => promoteRuns([two, later], results(), false)).toThrow(
      /results\/one holds another run \(of .*\); --replace/,
    );
    expect(existsSync(join(results(), 'two'))).toBe(false);
    promoteRuns([two, later], results(), true);
    expect(readFileSync(join(results(), 'one', 'metrics.jsonl'), 'utf8')).toBe('later\n');
  });

  it('refuses code that is no commit', () => {
    for (const origin of [made({ modified: true }), made({ commit: 'unknown' })]) {
      expect(() => promoteRuns([finishedRun('one', origin)], results(), true)).toThrow(
        "run 'one' was made from code that is not a commit",
      );
    }
    expect(existsSync(results())).toBe(false);
  });
});

it('JSON has lists of numbers on one line', () => {
  const value = { list: [1, -2.5, 3e-7], words: ['a', 'b'], empty: [] };
  expect(JSON.parse(readableJson(value))).toEqual(value);
  expect(readableJson(value)).toContain('"list": [ 1, -2.5, 3e-7 ]');
});
