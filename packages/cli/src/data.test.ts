import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { showProgress } from './data/progress.js';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'primal-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function data(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, [program, 'data', ...args], {
    env: { ...process.env, PRIMAL_DATA: folder },
    encoding: 'utf8',
  });
}

test.each([
  [[], /data does list, get or doctor, got nothing/],
  [['lsit'], /got 'lsit'/],
  [['list', 'x'], /data list takes no arguments, got 'x'/],
  [['get'], /data get takes the name of one set, got nothing/],
  [['get', 'Nothing'], /no data set is called 'Nothing'; known are .*JapaneseVowels/],
  [['get', 'Heartbeat', '--form', 'x'], /Unknown option '--form'/],
  [['doctor', 'Nothing'], /no data set is called 'Nothing'/],
])('data %j is refused', (args, reason) => {
  const { status, stderr } = data(...args);
  expect(status).toBe(2);
  expect(stderr).toMatch(reason);
  expect(stderr).toMatch(/Usage: primal data list/);
});

test('list names every set and where it comes from', () => {
  const { status, stdout } = data('list');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Heartbeat +UEA Heartbeat +Table 1 +timeseriesclassification\.com$/m);
  expect(stdout).toMatch(/^JapaneseVowels .* part of this package$/m);
});

test('doctor loads what is there, and says where the missing comes from', () => {
  const both = data('doctor', 'JapaneseVowels', 'Heartbeat');
  expect(both.status).toBe(1); // asked for, and not there
  expect(both.stdout).toMatch(
    /^JapaneseVowels +ok +ts: 2 verified +270 \/ 370 series, 12 dims, length 7-26, 9 classes$/m,
  );
  expect(both.stdout).toMatch(/^Heartbeat +missing$/m);
  expect(both.stdout).toContain(
    'official source: https://timeseriesclassification.com/aeon-toolkit/Heartbeat.zip',
  );
  expect(both.stdout).toContain('1 ok, 0 in part, 1 missing, 0 damaged.');
  expect(data('doctor', '--quick').status).toBe(0);
});

test('doctor names what is damaged', () => {
  mkdirSync(join(folder, 'uea', 'Handwriting'), { recursive: true });
  for (const split of ['TRAIN', 'TEST'])
    writeFileSync(join(folder, 'uea', 'Handwriting', `Handwriting_${split}.ts`), 'x');
  const { status, stdout } = data('doctor', 'Handwriting');
  expect(status).toBe(1);
  expect(stdout).toMatch(
    /damaged: uea\/Handwriting\/Handwriting_TRAIN\.ts: 1 bytes, SHA-256 \w+, expected c187e2/,
  );
});

test('get copies from a mirror folder, or says that it has nothing', () => {
  const mirror = join(folder, 'mirror');
  mkdirSync(join(mirror, 'uea', 'Heartbeat'), { recursive: true });
  const missing = data('get', 'Heartbeat', '--from', mirror);
  expect(missing.status).toBe(1);
  expect(missing.stderr).toContain(`primal data: Heartbeat is not in ${mirror}`);
  for (const split of ['TRAIN', 'TEST']) {
    writeFileSync(join(mirror, 'uea', 'Heartbeat', `Heartbeat_${split}.ts`), 'any');
  }
  const { status, stdout } = data('get', 'Heartbeat', '--from', mirror);
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /Terms: .*\n.*Heartbeat_TRAIN\.ts: copied, SHA-256 \w{64}; no checksum is known to us/,
  );
});

test('progress: one line on a terminal, few lines elsewhere', () => {
  const run = (isTTY: boolean): string[] => {
    const written: string[] = [];
    const { update, end } = showProgress({ isTTY, write: (text) => written.push(text) });
    for (let done = 0; done <= 1000; done++) update('f', done * 1e5, 1e8);
    end();
    return written;
  };
  const plain = run(false);
  expect(plain).toHaveLength(11);
  expect(plain.at(-1)).toBe('f: 100.0 MB of 100.0 MB (100 %)\n');
  const terminal = run(true);
  expect(terminal.length).toBeLessThan(20);
  expect(terminal.at(-2)).toBe('\rf: 100.0 MB of 100.0 MB (100 %)\x1b[K');
  expect(terminal.at(-1)).toBe('\n');
});
