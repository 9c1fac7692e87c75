import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from '@primal-attention/safetensors';
import { afterEach, beforeEach, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../testing/killed-run.mjs', import.meta.url));
const epochs = 40;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'primal-kill-'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

/** Runs the script; kills it `killAfter` milliseconds after it began to train. Returns true when it came to its end. */
function runProcess(directory: string, mode: string, killAfter?: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, directory, String(epochs), mode], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    let timer: NodeJS.Timeout | undefined;
    child.stderr.on('data', (text: Buffer) => {
      errors += text.toString();
    });
    child.stdout.on('data', () => {
      if (killAfter !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), killAfter);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(true);
      else if (signal === 'SIGKILL') resolve(false);
      else reject(new Error(`exit code ${code}, signal ${signal}: ${errors}`));
    });
  });
}

it.each(['epochs', 'steps'])(
  'a run by %s, killed again and again, gives the files of an unbroken one',
  async (mode) => {
    const whole = join(root, 'whole');
    const broken = join(root, 'broken');
    const begin = performance.now();
    expect(await runProcess(whole, mode)).toBe(true);
    const duration = performance.now() - begin;

    // A third of the process is loading; each life dies somewhere in the rest of it.
    const kills: number[] = [];
    let ended = false;
    while (!ended) {
      const killAfter = kills.length < 6 ? Math.random() * duration * 0.3 : undefined;
      ended = await runProcess(broken, mode, killAfter);
      if (!ended) kills.push(Math.round(killAfter!));
      else if (killAfter !== undefined && kills.length < 2) {
        // It finished before its time: begin anew, so that at least two deaths are seen.
        rmSync(broken, { recursive: true });
        ended = false;
      }
    }

    const note = `killed after ${kills.join(', ')} ms`;
    for (const name of ['metrics.jsonl', 'result.json']) {
      expect(readFileSync(join(broken, name), 'utf8'), note).toBe(readFileSync(join(whole, name), 'utf8'));
    }
    for (const name of ['last.safetensors', 'best.safetensors']) {
      const tensors = (folder: string) => readSafetensors(readFileSync(join(folder, name))).tensors;
      expect(tensors(broken), note).toEqual(tensors(whole));
    }
    const lines = readFileSync(join(whole, 'metrics.jsonl'), 'utf8').split('\n').length - 1;
    if (mode === 'epochs') expect(lines).toBeGreaterThan(epochs);
    else expect(lines).toBe(8);
    expect(readdirSync(broken).sort()).toEqual(readdirSync(whole).sort());
  },
  180_000,
);
