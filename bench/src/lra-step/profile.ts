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

type Origin = Omit<Run, 'others' | 'rounds'>;

/** What our own process says. */
interface Wall {
  readonly ms: number;
  readonly others: number;
  readonly info: Record<string, unknown>;
}

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

/**
 * Times the steps of each program, and then its kernels one by one: the very StableHLO that ours compiled, compiled and run anew
 * by JAX, whose profiler reads what the device says (peers/profile_step.py).
 */
export async function profileAll(options: Options, origin: Origin): Promise<void> {
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

/** The first line of a profile; a line for each kernel follows. */
function headOf({ name, kernels, settings }: Entry, wall: Wall, total: Kernels['total'], origin: Origin) {
  const { mechanism, length, batch, precision, steps, stepsPerRead, seed } = settings;
  const { kernelsRefused, kernelCalls, device, versions } = wall.info;
  return {
    ...{ backend: name, kernels, mechanism, length, batch, precision },
    kernelsRefused: kernelsRefused as string | null,
    kernelCalls,
    /** Of all steps of ours, with a read every `stepsPerRead`. */
    wallMs: wall.ms,
    ...{ steps, stepsPerRead, msPerStep: wall.ms / steps },
    /** The sum over the kernels of one step, and how many they are. */
    kernelMs: total.kernelMs,
    kernelCount: total.kernels,
    /** 1 where the device never waits. */
    wallOverKernels: wall.ms / (steps * total.kernelMs),
    ...{ jaxMsPerStep: total.msPerStep, jax: total.jax },
    ...{ device, versions, seed, others: wall.others, ...origin },
  };
}

async function profile(entry: Entry, options: Options, origin: Origin): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'primal-profile-'));
  try {
    const dump = join(folder, 'programs');
    mkdirSync(dump);
    const wall = await timeSteps(entry, { PRIMAL_CACHE: join(folder, 'cache'), PRIMAL_DUMP: dump });
    const { total, each } = profileProgram(longestFile(dump), options);
    const { mechanism, length, batch, precision } = entry.settings;
    const head = headOf(entry, wall, total, origin);
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
async function timeSteps(entry: Entry, env: NodeJS.ProcessEnv): Promise<Wall> {
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
function profileTable(entry: Entry, head: ReturnType<typeof headOf>, each: Kernels['each']): string {
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
