import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from '@primal-attention/safetensors';
import { afterAll, describe, expect, it } from 'vitest';
import { experimentFolder } from './summary.js';

// The whole path of a run as turbo starts it, in processes of its own, on two epochs of the real data.

const program = fileURLToPath(new URL('../dist/run-main.js', import.meta.url));
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function runFolder(epochs = 2): string {
  const folder = mkdtempSync(join(tmpdir(), 'uea-run-'));
  folders.push(folder);
  writeConfig(folder, epochs);
  return folder;
}

function writeConfig(folder: string, epochs: number): void {
  const config = JSON.parse(
    readFileSync(join(experimentFolder, 'japanese-vowels-primal', 'config.json'), 'utf8'),
  );
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, epochs }));
}

/** Starts a run; with `killWhen`, kills it as soon as that holds. */
async function start(
  folder: string,
  killWhen?: () => boolean,
  more: readonly string[] = [],
): Promise<{ output: string; code: number | null }> {
  const child = spawn(process.execPath, [program, folder, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const timer = setInterval(() => killWhen?.() && child.kill('SIGKILL'), 5);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(timer);
  return { output, code };
}

const log = (folder: string) => join(folder, 'run', 'metrics.jsonl');
const bytes = (folder: string, name: string) => readFileSync(join(folder, 'run', name));

describe('a run', () => {
  it('that is killed and started again ends like an unbroken one, is then kept, and moves aside for another config', {
    // Against a hang: the test takes 130 s on two cores that do nothing else.
    timeout: 900_000,
  }, async () => {
    const unbroken = runFolder();
    expect(await start(unbroken)).toMatchObject({ code: 0 });
    const killed = runFolder();
    // In the first epoch, before any checkpoint of it; then as soon as the first checkpoint is there.
    await start(killed, () => existsSync(log(killed)));
    await start(killed, () => existsSync(join(killed, 'run', 'best.safetensors')));
    expect(existsSync(join(killed, 'run', 'summary.json'))).toBe(false);
    expect(await start(killed)).toMatchObject({ code: 0 });
    for (const name of ['metrics.jsonl', 'result.json']) {
      expect(bytes(killed, name).toString(), name).toBe(bytes(unbroken, name).toString());
    }
    for (const name of ['last.safetensors', 'best.safetensors']) {
      // The header also holds the length of the log of times, which depends on the clock's digits.
      const [a, b] = [killed, unbroken].map((folder) => readSafetensors(bytes(folder, name)).tensors);
      expect(a, name).toEqual(b);
    }
    const summary = JSON.parse(bytes(killed, 'summary.json').toString());
    const other = JSON.parse(bytes(unbroken, 'summary.json').toString());
    expect(summary).toMatchObject({ accuracy: other.accuracy, parameters: 5_964_553, truncatedTestCases: 1 });
    expect(summary.spectra).toEqual(other.spectra);

    const again = await start(killed);
    expect(again.output).toMatch(/finished before, with commit/);

    writeConfig(killed, 1);
    expect(await start(killed)).toMatchObject({ code: 0 });
    const [superseded] = readdirSync(join(killed, 'superseded'));
    const kept = JSON.parse(readFileSync(join(killed, 'superseded', superseded, 'summary.json'), 'utf8'));
    expect(kept).toEqual(summary);
  });

  it('refuses a variant that its config cannot have', async () => {
    const folder = runFolder();
    const { code, output } = await start(folder, undefined, ['--precision', 'bf16']);
    expect(code).toBe(2);
    expect(output).toMatch(/precision/);
    expect(output).not.toMatch(/^ +at /m);
    expect(readdirSync(folder)).toEqual(['config.json']);
  });

  it('without a folder or a valid config says what is wrong', async () => {
    expect(await start('/nowhere')).toMatchObject({ code: 2, output: expect.stringMatching(/config\.json/) });
    const folder = runFolder();
    writeFileSync(join(folder, 'config.json'), '{"dataset": "JapaneseVowels", "epoch": 3}');
    const { code, output } = await start(folder);
    expect(code).toBe(2);
    expect(output).toMatch(/epoch/);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });
});
