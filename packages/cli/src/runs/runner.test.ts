import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastLines } from './log-end.js';
import { Pool } from './pool.js';
import { readState } from './state.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'primal-runner-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const at = (...parts: string[]) => join(root, ...parts);

/** A bundle of one experiment, whose runs do what their config says. */
function makeCode(runs: Record<string, string>): void {
  const program = `
    import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
    const [folder, , out, ...more] = process.argv.slice(2);
    mkdirSync(out, { recursive: true });
    appendFileSync(${JSON.stringify(at('order'))}, [folder.split('/').at(-1), process.env.CUDA_VISIBLE_DEVICES, ...more].join(' ') + '\\n');
    const { does } = JSON.parse(readFileSync(folder + '/config.json', 'utf8'));
    console.log('step 1/2  loss 0.5');
    if (does === 'fails') throw new Error('no luck');
    if (does === 'finishes') writeFileSync(out + '/summary.json', '{}');
    if (does === 'lasts') {
      process.on('SIGTERM', () => {
        writeFileSync(out + '/last.safetensors', 'checkpoint');
        process.exit(75);
      });
      setInterval(() => {}, 1000);
    }`;
  for (const [run, does] of Object.entries(runs)) {
    mkdirSync(at('code', 'experiments', 'toy', run), { recursive: true });
    const config = { does, seed: 7, precision: 'tf32' };
    writeFileSync(at('code', 'experiments', 'toy', run, 'config.json'), JSON.stringify(config));
  }
  writeFileSync(at('code', 'experiments', 'toy', 'run-main.mjs'), program);
}

/** Starts the built runner. */
async function start(args: string[]): Promise<{ code: number | null; output: string }> {
  const program = fileURLToPath(new URL('../../dist/runs/main.js', import.meta.url));
  const places = ['--code', at('code'), '--work', at('work'), '--out', at('out'), '--gpus', '0'];
  const child = spawn(process.execPath, [program, ...places, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

const order = () => readFileSync(at('order'), 'utf8').trim().split('\n');

describe('the runner', () => {
  it('goes on after a failure, reports it with the end of its log, and exits with 1', async () => {
    makeCode({ a: 'fails', b: 'finishes' });
    const { code, output } = await start(['--runs', 'toy/a,toy/b']);
    expect(code).toBe(1);
    expect(output).toMatch(/toy\/a: FAILED, exit code 1; the end of its log:[\s\S]*no luck/);
    expect(output).toMatch(/toy\/b: finished; step 1\/2 {2}loss 0\.5/);
    expect(output).toMatch(/1 of 2 finished, 0 to go on with \(--state .*\), 1 failed/);
    expect(order().map((line) => line.split(' ')[0])).toEqual(['a', 'b']);
    expect(readState(at('out'), at('read')).sort()).toEqual(['toy/a', 'toy/b']);
  });

  it('makes variants of runs, each with a folder of its own; one that the config says already is the run itself', async () => {
    makeCode({ a: 'finishes' });
    const list = 'toy/a@6..8@tf32,toy/a@float32,toy/a@1@bf16,toy/a@2@kernels';
    const { code, output } = await start(['--runs', list]);
    expect(code, output).toBe(0);
    expect(output).toMatch(/6 of 6 finished/);
    expect(order()).toEqual([
      ...['a  --seed 6', 'a ', 'a  --seed 8'],
      ...['a  --precision float32', 'a  --seed 1 --precision bf16', 'a  --seed 2 --kernels'],
    ]);
    expect(readState(at('out'), at('read')).sort()).toEqual([
      ...['toy/a', 'toy/a.float32', 'toy/a.seed1.bf16', 'toy/a.seed2.kernels.products'],
      ...['toy/a.seed6', 'toy/a.seed8'],
    ]);
  });

  it('keeps in its state what a state brought, though it is not in the list', async () => {
    makeCode({ a: 'finishes', b: 'finishes' });
    expect((await start(['--runs', 'toy/a'])).code).toBe(0);
    rmSync(at('work'), { recursive: true });
    const { code, output } = await start(['--runs', 'toy/b', '--state', at('out')]);
    expect(output).toMatch(/from .*out: toy\/a/);
    expect(code).toBe(0);
    expect(readState(at('out'), at('read')).sort()).toEqual(['toy/a', 'toy/b']);
    expect(order()).toHaveLength(2);
  });

  it('stops all runs after the time, keeps their state, and never starts those whose turn did not come', async () => {
    makeCode({ a: 'lasts', b: 'lasts', c: 'lasts' });
    const { code, output } = await start(['--runs', 'toy/b,toy/a,toy/c', '--per-gpu', '2', '--seconds', '3']);
    expect(code).toBe(0);
    expect(output).toMatch(/toy\/b: stopped after a checkpoint/);
    expect(output).toMatch(/toy\/c: its turn did not come/);
    expect(output).toMatch(/0 of 3 finished, 3 to go on with/);
    expect(readState(at('out'), at('read')).sort()).toEqual(['toy/a', 'toy/b']);
    expect(existsSync(at('read', 'toy', 'a', 'last.safetensors'))).toBe(true);
  });

  it.each([
    [['--runs', 'toy/a,toy/x'], /--runs names toy\/x, which the bundle does not have; it has toy\/a/],
    [[], /--runs names no run; it has toy\/a/],
    [['--runs', 'toy/a,toy/a'], /names a run twice, toy\/a: /],
    [['--runs', 'toy/a@1..3,toy/a@2'], /names a run twice, toy\/a\.seed2: /],
    [
      ['--runs', 'toy/a@x'],
      /'toy\/a@x': after @ comes a seed \(1\), seeds \(1\.\.4\), a precision \(.*\) or kernels/,
    ],
    [['--runs', 'toy/a', '--per-gpu', '0'], /--per-gpu must be a whole number of at least 1, got '0'/],
    [['--runs', 'toy/a', '--sconds', '3'], /Unknown option '--sconds'[\s\S]*Usage: sh start\.sh/],
  ])('refuses %j', async (args, reason) => {
    makeCode({ a: 'finishes' });
    const { code, output } = await start(args);
    expect(output).toMatch(reason);
    expect(code).toBe(2);
    expect(existsSync(at('out'))).toBe(false);
  });

  it('says where a state is not', async () => {
    makeCode({ a: 'finishes' });
    const { code, output } = await start(['--runs', 'toy/a', '--state', at('nowhere', 'state.tar')]);
    expect(output).toMatch(/there is no whole state at .*nowhere/);
    expect(code).toBe(1);
  });
});

describe('Pool', () => {
  it('gives each GPU its share, in the order of the list', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    makeCode(Object.fromEntries(ids.map((id) => [id, 'finishes'])));
    let most = 0;
    const pool = new Pool(
      ids.map((id) => ({ id: `toy/${id}`, folder: `toy/${id}`, args: [] })),
      {
        ...{ code: at('code'), work: at('work'), gpus: ['3', '5'], perGpu: 2 },
        onChange: (processes) => {
          most = Math.max(most, processes.length);
        },
      },
    );
    await pool.run();
    expect(pool.runs.map(({ status }) => status)).toEqual(ids.map(() => 'finished'));
    expect(pool.runs.slice(0, 4).map(({ gpu }) => gpu)).toEqual(['3', '5', '3', '5']);
    expect(most).toBe(4);
    for (const line of order()) expect(line).toMatch(/^[a-e] [35]$/);
    expect(lastLines(pool.logOf('toy/a'), 1)).toEqual(['step 1/2  loss 0.5']);
  });
});
