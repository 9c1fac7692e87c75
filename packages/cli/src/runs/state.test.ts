import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeSnapshot } from './snapshot.js';
import { pieceBytes, readState, restoreState, writeState } from './state.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'primal-state-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const at = (...parts: string[]) => join(root, ...parts);

/** A run's folder, whose last checkpoint is from `minute`. */
function makeRun(work: string, id: string, files: Record<string, string | Buffer>, minute = 0): void {
  const folder = at(work, 'runs', id);
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content);
    utimesSync(join(folder, name), 60 * minute, 60 * minute);
  }
}

const unfinished = { 'metrics.jsonl': '{}\n', 'last.safetensors': 'last', 'best.safetensors': 'best' };
const finished = { ...unfinished, 'summary.json': '{"id": 1}', 'result.json': '{}' };
const names = (...parts: string[]) => readdirSync(at(...parts)).sort();
const write = (ids: string[], limit = 1e9) => writeState(ids, { work: at('work'), out: at('out'), limit });

describe('state', () => {
  it('of finished runs has no weights, of others all, of those that did not start nothing', () => {
    makeRun('work', 'uea/a', finished);
    makeRun('work', 'lra/b', { ...unfinished, 'last.safetensors.7.tmp': 'half' });
    expect(write(['uea/a', 'lra/b', 'lra/c']).leftOut).toEqual([]);
    expect(names('out')).toEqual(['results.tar', 'state.tar']);
    expect(readState(at('out', 'state.tar'), at('read')).sort()).toEqual(['lra/b', 'uea/a']);
    expect(names('read', 'uea', 'a')).toEqual(['metrics.jsonl', 'result.json', 'summary.json']);
    expect(names('read', 'lra', 'b')).toEqual(['best.safetensors', 'last.safetensors', 'metrics.jsonl']);
    expect(names('work')).toEqual(['runs']);
  });

  it('of nothing can be read too', () => {
    write(['uea/a']);
    expect(readState(at('out'), at('read'))).toEqual([]);
  });

  it('comes in pieces where it is large, and old ones go when new ones are there', () => {
    makeRun('work', 'uea/a', { ...unfinished, 'last.safetensors': randomBytes(pieceBytes + 1000) });
    write(['uea/a']);
    const first = names('out').filter((name) => name.startsWith('state.tar'));
    expect(first).toHaveLength(2);
    for (const name of first) expect(statSync(at('out', name)).size).toBeLessThanOrEqual(pieceBytes);
    const larger = randomBytes(2 * pieceBytes);
    makeRun('work', 'uea/a', { ...unfinished, 'last.safetensors': larger });
    write(['uea/a']);
    const second = names('out').filter((name) => name.startsWith('state.tar'));
    expect(second).toHaveLength(3);
    expect(readState(at('out', 'state.tar'), at('read'))).toEqual(['uea/a']);
    expect(readFileSync(at('read', 'uea', 'a', 'last.safetensors')).equals(larger)).toBe(true);
    expect(names('read')).toEqual(['uea']);

    const bytes = readFileSync(at('out', second[1]));
    bytes[5] ^= 1;
    writeFileSync(at('out', second[1]), bytes);
    expect(() => readState(at('out'), at('read2'))).toThrow(/are damaged: their checksum is/);
    rmSync(at('out', second[1]));
    expect(() => readState(at('out'), at('read3'))).toThrow(
      /no whole state at .*expected state\.tar or all its pieces/,
    );
  });

  it('leaves out whole runs that there is no room for, the last of the list first, never a finished one', () => {
    makeRun('work', 'uea/a', { ...unfinished, 'last.safetensors': Buffer.alloc(300_000) });
    makeRun('work', 'uea/b', { ...unfinished, 'last.safetensors': Buffer.alloc(300_000) });
    makeRun('work', 'uea/c', finished);
    expect(write(['uea/a', 'uea/b', 'uea/c'], 500_000).leftOut).toEqual(['uea/b']);
    expect(readState(at('out'), at('read')).sort()).toEqual(['uea/a', 'uea/c']);
  });

  it('restores what is further than here, and nothing over a finished run', () => {
    makeRun('work', 'uea/behind', { ...unfinished, 'last.safetensors': 'of minute 1' }, 1);
    makeRun('work', 'uea/ahead', { ...unfinished, 'last.safetensors': 'of minute 9' }, 9);
    makeRun('work', 'uea/finished', { ...finished, 'summary.json': 'from here' }, 1);
    makeRun('work', 'uea/other', finished, 1);
    write(['uea/behind', 'uea/ahead', 'uea/finished', 'uea/other']);
    const here = (id: string, files: Record<string, string>, minute: number) =>
      makeRun('elsewhere', id, files, minute);
    here('uea/behind', { ...unfinished, 'last.safetensors': 'of minute 5' }, 5);
    here('uea/ahead', { ...unfinished, 'last.safetensors': 'of minute 5' }, 5);
    here('uea/finished', { ...finished, 'summary.json': 'from elsewhere' }, 5);
    expect(restoreState(at('out'), at('elsewhere')).sort()).toEqual(['uea/ahead', 'uea/other']);
    const read = (...parts: string[]) => readFileSync(at('elsewhere', 'runs', 'uea', ...parts), 'utf8');
    expect(read('behind', 'last.safetensors')).toBe('of minute 5');
    expect(read('ahead', 'last.safetensors')).toBe('of minute 9');
    expect(read('finished', 'summary.json')).toBe('from elsewhere');
    expect(existsSync(at('elsewhere', 'runs', 'uea', 'other', 'summary.json'))).toBe(true);
    expect(names('elsewhere')).toEqual(['runs']);
  });

  it('is not changed by what the run writes afterwards', () => {
    makeRun('work', 'uea/a', unfinished);
    takeSnapshot('uea/a', at('work', 'runs', 'uea', 'a'), at('work', 'shelf'));
    // As a run does it: under another name, then renamed.
    rmSync(at('work', 'runs', 'uea', 'a', 'last.safetensors'));
    makeRun('work', 'uea/a', { 'last.safetensors': 'newer', 'metrics.jsonl': '{}\n{}\n' });
    expect(readFileSync(at('work', 'shelf', 'last.safetensors'), 'utf8')).toBe('last');
    expect(readFileSync(at('work', 'shelf', 'metrics.jsonl'), 'utf8')).toBe('{}\n');
  });
});
