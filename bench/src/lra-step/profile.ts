import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeWhole } from '@primal-attention/experiment';
import { isQuiet, reportBusy } from '../machine-use.js';
import { takeTurns } from '../turns.js';
import { backendCommand, checkModule, launch, readyAnswer } from './contestant.js';
import type { Entry, Options } from './options.js';
import { labelOf, type Run } from './result-line.js';
import { describePrecision } from './settings.js';

/** What JAX's profiler says of a step: all of it, and each kernel, those that take longest first. */
interface Kernels {
  readonly total: {
    readonly jax: string;
    readonly device: string;
    /** A step that JAX ran, 20 in flight. */
    readonly msPerStep: number;
    /** The sum over all kernels of a step, and how many they are. */
    readonly kernelMs: number;
    readonly kernels: number;
  };
  readonly each: readonly { readonly kernel: string; readonly us: number; readonly calls: number }[];
}

/** The first line of a profile; a line for each kernel follows. */
export interface ProfileHead {
  readonly backend: string;
  readonly kernels: Entry['kernels'];
  readonly kernelsRefused: string | null;
  readonly kernelCalls: number;
  readonly mechanism: string;
  readonly length: number;
  readonly batch: number;
  readonly precision: string;
  /** Wall time of so many steps of ours, with a read every `stepsPerRead`. */
  readonly wallMs: number;
  readonly steps: number;
  readonly stepsPerRead: number;
  readonly msPerStep: number;
  readonly kernelMs: number;
  /** wallMs / (steps kernelMs): 1 where the device never waits. */
  readonly wallOverKernels: number;
  readonly kernelCount: number;
  readonly jaxMsPerStep: number;
}

/**
 * Times the steps of each program, and then its kernels one by one: the very StableHLO that ours compiled, compiled and run anew
 * by JAX, whose profiler reads what the device says (peers/profile_step.py).
 */
export async function profileAll(options: Options, origin: Omit<Run, 'others' | 'rounds'>): Promise<void> {
  checkModule('--profile', 'jax', options);
  for (const entry of options.comparisons.flat()) {
    try {
      await profile(entry, options, origin);
    } catch (error) {
      console.error(error);
      process.exitCode = 1;
    }
  }
}

async function profile(
  entry: Entry,
  options: Options,
  origin: Omit<Run, 'others' | 'rounds'>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'primal-profile-'));
  try {
    const dump = join(folder, 'programs');
    mkdirSync(dump);
    const wall = await timeSteps(entry, { PRIMAL_CACHE: join(folder, 'cache'), PRIMAL_DUMP: dump });
    const { total, each } = profileProgram(longestFile(dump), options);
    const { mechanism, length, batch, precision, steps, stepsPerRead, seed } = entry.settings;
    const head: ProfileHead & Record<string, unknown> = {
      ...{ backend: entry.name, kernels: entry.kernels, mechanism, length, batch, precision },
      kernelsRefused: wall.info.kernelsRefused as string | null,
      kernelCalls: wall.info.kernelCalls as number,
      ...{ wallMs: wall.ms, steps, stepsPerRead, msPerStep: wall.ms / steps },
      ...{ kernelMs: total.kernelMs, wallOverKernels: wall.ms / steps / total.kernelMs },
      ...{ kernelCount: total.kernels, jaxMsPerStep: total.msPerStep, jax: total.jax },
      ...{ device: wall.info.device, versions: wall.info.versions, seed, others: wall.others, ...origin },
    };
    const text = [head, ...each].map((line) => `${JSON.stringify(line)}\n`).join('');
    process.stdout.write(text);
    console.log(profileTable(entry, head, each));
    if (!isQuiet(wall.others)) reportBusy(wall.others, options.save !== undefined);
    else if (options.save !== undefined) {
      const file = `profile-${options.device}-${mechanism}-n${length}-b${batch}-${precision}-kernels-${entry.kernels}.jsonl`;
      writeWhole(join(options.save, file), text);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The wall time of all steps, in a process that leaves the device when it has told it. */
async function timeSteps(
  entry: Entry,
  env: NodeJS.ProcessEnv,
): Promise<{ ms: number; others: number; info: Record<string, unknown> }> {
  const { peer } = await launch(process.execPath, backendCommand(entry), env);
  try {
    const info = await readyAnswer(peer);
    const { times, others } = await takeTurns([{ peer }], 1);
    await peer.end();
    const { stepsPerRead } = entry.settings;
    return { ms: times[0].ms.flat().reduce((sum, ms) => sum + ms * stepsPerRead, 0), others, info };
  } finally {
    peer.kill();
  }
}

/** The training step is the longest program. */
function longestFile(folder: string): string {
  const files = readdirSync(folder).map((name) => join(folder, name));
  if (files.length === 0) throw new Error(`no program was written to ${folder}`);
  return files.reduce((a, b) => (statSync(b).size > statSync(a).size ? b : a));
}

function profileProgram(path: string, { python, peersFolder }: Options): Kernels {
  const flags = [process.env.XLA_FLAGS ?? '', '--xla_allow_excess_precision=false'];
  const { status, signal, stdout } = spawnSync(
    python('jax'),
    [join(peersFolder, 'profile_step.py'), path, '--vocabulary', '257'],
    {
      // As ours: otherwise it would be another program.
      env: { ...process.env, XLA_FLAGS: flags.join(' ').trim(), XLA_PYTHON_CLIENT_PREALLOCATE: 'false' },
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    },
  );
  if (status !== 0) {
    throw new Error(`profile_step.py ended with ${signal ?? `status ${status}`}; its errors are above`);
  }
  const [total, ...each] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as never);
  return { total, each };
}

const shown = 15;

/** The largest kernels for people; all are in the lines. */
function profileTable(entry: Entry, head: ProfileHead, each: Kernels['each']): string {
  const { mechanism, length, batch, precision } = entry.settings;
  const share = (us: number): string => `${(us / 10 / head.kernelMs).toFixed(1)} %`;
  const rows = each
    .slice(0, shown)
    .map(
      ({ kernel, us, calls }) =>
        `${us.toFixed(1).padStart(9)} µs ${share(us).padStart(7)}  ${calls} × ${kernel}`,
    );
  return [
    '',
    `${labelOf(entry, false)}, ${mechanism}, N ${length}, batch ${batch}, ${describePrecision(precision)}: ${head.msPerStep.toFixed(3)} ms a step over ${head.steps} steps, ` +
      `${head.kernelMs.toFixed(3)} ms of them in ${head.kernelCount} kernels: wall / kernels ${head.wallOverKernels.toFixed(3)}`,
    ...(head.kernelsRefused === null ? [] : [`no kernels of ours ran: ${head.kernelsRefused}`]),
    ...rows,
  ].join('\n');
}
