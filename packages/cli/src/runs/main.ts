// The runner on a GPU node, which start.sh starts: runs a list of runs, for a given time, and keeps their state.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../command.js';
import { Occupation } from './leftover.js';
import { lastLines } from './log-end.js';
import { type RunsOptions, readOptions, usage } from './options.js';
import { Pool, type PooledRun } from './pool.js';
import { restoreState, runsIn, writeState } from './state.js';

const secondsBetweenLines = 10;
const secondsBetweenStates = 60;

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  const { runs, work, out, seconds, started, state } = options;
  const gpus = gpuNames(options.gpus);
  mkdirSync(work, { recursive: true });
  const occupation = new Occupation(work);
  if (state !== undefined) {
    const restored = restoreState(state, work);
    console.log(
      `from ${state}: ${restored.length === 0 ? 'nothing that is not here already' : restored.join(', ')}`,
    );
  }
  const pool = new Pool(runs, { ...options, gpus, onChange: (processes) => occupation.note(processes) });
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => pool.stop());
  const left = seconds - (Date.now() / 1000 - started);
  const deadline = Number.isFinite(left)
    ? setTimeout(() => pool.stop(), Math.max(0, 1000 * left))
    : undefined;
  const lines = setInterval(() => showRunning(pool), 1000 * secondsBetweenLines);
  const states = setInterval(() => trySave(options), 1000 * secondsBetweenStates);
  await pool.run();
  for (const timer of [lines, states, deadline]) clearInterval(timer);
  const { leftOut } = save(options);
  occupation.end();
  const failed = report(pool, out);
  if (leftOut.length > 0) {
    console.log(
      `no room in the state (--state-limit ${options.stateLimit / 1e6}) for ${leftOut.join(', ')}: only in ${work}; elsewhere they begin anew`,
    );
  }
  return failed === 0 ? 0 : 1;
}

/** Of this call's runs, and of all that earlier ones left or a state brought. */
function save({ runs, work, out, stateLimit }: RunsOptions): ReturnType<typeof writeState> {
  const ids = runs.map(({ id }) => id);
  const others = runsIn(join(work, 'runs')).filter((id) => !ids.includes(id));
  return writeState([...ids, ...others], { work, out, limit: stateLimit });
}

/** A state that could not be written now may be in a minute. */
function trySave(options: RunsOptions): void {
  try {
    save(options);
  } catch (error) {
    console.log(`the state could not be written to ${options.out}: ${(error as Error).message}`);
  }
}

/** The GPUs as CUDA knows them: those that CUDA_VISIBLE_DEVICES leaves, or 0, 1, …. */
function gpuNames(count: number): string[] {
  if (count === 0) return [];
  if (!existsSync('/proc/driver/nvidia/version')) {
    throw new Error(`--gpus ${count}: there is no NVIDIA driver here; --gpus 0 runs on the CPU`);
  }
  const visible = process.env.CUDA_VISIBLE_DEVICES;
  const names = visible ? visible.split(',') : Array.from({ length: count }, (_, i) => `${i}`);
  if (names.length < count) throw new Error(`--gpus ${count}: CUDA_VISIBLE_DEVICES leaves ${names.length}`);
  return names.slice(0, count);
}

function place({ gpu }: PooledRun): string {
  return gpu === undefined ? 'cpu' : `gpu ${gpu}`;
}

function showRunning(pool: Pool): void {
  for (const run of pool.runs.filter(({ status }) => status === 'running')) {
    // The last line may be a message.
    const lines = lastLines(pool.logOf(run.id), 20);
    const shown = lines.findLast((line) => /step \d+\/\d+/.test(line)) ?? lines.at(-1) ?? 'starts';
    console.log(`${run.id}  ${place(run)}  ${shown}`);
  }
}

/** @returns how many runs failed */
function report(pool: Pool, out: string): number {
  console.log('');
  for (const run of pool.runs) {
    const [line] = lastLines(pool.logOf(run.id), 1);
    if (run.status === 'waiting') console.log(`${run.id}: its turn did not come`);
    else if (run.status === 'failed') {
      console.log(`${run.id}: FAILED, ${run.ended}; the end of its log:`);
      for (const one of lastLines(pool.logOf(run.id), 15)) console.log(`    ${one}`);
    } else console.log(`${run.id}: ${run.ended}; ${line ?? ''}`);
  }
  const count = (status: PooledRun['status']): number =>
    pool.runs.filter((run) => run.status === status).length;
  console.log(
    `\n${count('finished')} of ${pool.runs.length} finished, ${count('stopped') + count('waiting')} to go on with ` +
      `(--state ${out}), ${count('failed')} failed`,
  );
  return count('failed');
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const wrongUsage =
    error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  console.error(`start.sh: ${(error as Error).message}${wrongUsage ? `\nUsage: ${usage}` : ''}`);
  process.exitCode = wrongUsage ? 2 : 1;
}
