import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Protocol } from './measurement.js';
import { type PeerName, type PeerPlace, peerNames } from './peers.js';
import type { Wishes } from './plan.js';
import {
  hasKernelForm,
  kernelForms,
  modelNames,
  precisions,
  type ScheduleName,
  schedules,
  type TaskName,
  taskNames,
  tasks,
} from './settings.js';

/** A mistake on the command line. */
export class UsageError extends Error {}

export interface Options {
  readonly wishes: Wishes;
  readonly schedule: ScheduleName;
  readonly seed: number;
  /** What was asked for; the rest depends on the device. */
  readonly timing: Partial<Pick<Protocol, 'warmup' | 'reads' | 'stepsPerRead'>>;
  readonly peers: PeerPlace;
  /** The file of results, where one was named. */
  readonly output: string | undefined;
  readonly retry: boolean;
  /** All of it may take so long, and one measurement. */
  readonly seconds: number;
  readonly secondsEach: number;
}

/** At N 16384 plain softmax then has 2^31 attention weights, the most that dropout masks are drawn for. */
const defaultScalingBatch = 4;

const wantedTasks: readonly TaskName[] = ['Text', 'ListOps', 'Image'];

export const usage = `usage: efficiency.js [options]
  --tasks LIST          of ${taskNames.join(', ')} (default ${wantedTasks.join(',')}), or none
  --models LIST         all (default), or of ${modelNames.join(', ')}
  --precisions LIST     of ${precisions.join(', ')} (default bf16,tf32)
  --kernels LIST        of ${kernelForms.join(', ')} (default ${kernelForms.join(',')}): models as the paper formulates them, and with our GPU kernels
  --length N --batch N  in place of the published sizes
  --scaling             time and memory against N too
  --scaling-lengths LIST --scaling-batch N   (default 1024,2048,4096,8192,16384 and ${defaultScalingBatch})
  --peers LIST          of ${peerNames.join(', ')}, on the text task (default none)
  --peer-python PATH    a Python with the peers' libraries, or torch=PATH,jax=PATH (default python3)
  --peers-dir FOLDER    where the peers' programs are
  --schedule NAME       ${schedules.join(' or ')} (default one-cycle, which is published)
  --reads N             times that are measured (default 10)
  --steps-per-read N    steps in each, of which the last one's loss is read (default 20 on an accelerator, else 1)
  --warmup N            steps before (default one read's on an accelerator, else 2)
  --seed N              (default 0)
  --seconds N           ends after so long; a second call goes on with what is missing (default: no limit)
  --seconds-each N      a measurement that takes longer is a failure (default 600)
  --output FILE         (default results/efficiency-DEVICE.jsonl beside this program)
  --retry               measures again what failed`;

/** @throws UsageError that says what was given and what is expected */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  if (values.help) throw new UsageError('Training steps of the Long Range Arena models, timed.');
  const count = (name: keyof typeof values, least = 1): number | undefined =>
    values[name] === undefined ? undefined : integer(name, values[name] as string, least);
  const chosen = values.tasks === 'none' ? [] : listOf('tasks', values.tasks, taskNames);
  const peers: PeerName[] = listOf('peers', values.peers, peerNames);
  if (peers.length > 0 && !chosen.includes('Text')) {
    throw new UsageError('--peers compute the text task alone; add Text to --tasks');
  }
  const scalingLengths = items(values['scaling-lengths']).map((text) => integer('scaling-lengths', text, 4));
  if (new Set(scalingLengths).size < 3) {
    throw new UsageError(`--scaling-lengths needs at least 3, got '${values['scaling-lengths']}'`);
  }
  const timing = {
    reads: count('reads'),
    stepsPerRead: count('steps-per-read'),
    warmup: count('warmup', 0),
  };
  checkSteps(values.schedule, timing);
  const models = values.models === 'all' ? modelNames : listOf('models', values.models, modelNames);
  const chosenPrecisions = listOf('precisions', values.precisions, precisions);
  const kernels = listOf('kernels', values.kernels, kernelForms);
  if (!kernels.includes('off')) {
    if (kernels.length === 0)
      throw new UsageError(`--kernels needs at least one of ${kernelForms.join(', ')}`);
    // Left out in silence only beside what is measured.
    if (chosenPrecisions.every((precision) => precision === 'float32')) {
      throw new UsageError(
        '--kernels on --precisions float32: kernels multiply float32 in TF32; ask for tf32, which is float32 storage with TF32 products',
      );
    }
    if (!models.some(hasKernelForm)) {
      throw new UsageError(`--kernels on: ${models.join(', ')} has no form with kernels`);
    }
  }
  return {
    wishes: {
      tasks: chosen,
      ...{ models, precisions: chosenPrecisions, kernels },
      peers,
      length: count('length', 4),
      batch: count('batch'),
      ...(values.scaling && {
        scaling: { lengths: scalingLengths, batch: count('scaling-batch') ?? defaultScalingBatch },
      }),
    },
    schedule: oneOf('schedule', values.schedule, schedules),
    seed: count('seed', 0) ?? 0,
    timing,
    peers: {
      python: pythons(values['peer-python']),
      folder: values['peers-dir'] ?? join(programFolder(), isBundled() ? 'peers' : '../../bench/peers'),
    },
    output: values.output,
    retry: values.retry,
    seconds: count('seconds') ?? Number.POSITIVE_INFINITY,
    secondsEach: count('seconds-each') ?? 600,
  };
}

/** Where results are looked for and written: beside a bundle, else in the package. */
export function programFolder(): string {
  const folder = dirname(fileURLToPath(import.meta.url));
  return isBundled() ? folder : join(folder, '..');
}

function isBundled(): boolean {
  return import.meta.url.endsWith('.mjs');
}

/** The published schedule ends. */
function checkSteps(
  schedule: string,
  { reads = 10, stepsPerRead = 20, warmup = 20 }: Options['timing'],
): void {
  const steps = 1 + warmup + reads * stepsPerRead;
  const most = Math.min(...taskNames.map((name) => tasks[name].totalSteps));
  if (schedule === 'one-cycle' && steps > most) {
    throw new UsageError(
      `--reads, --steps-per-read and --warmup make ${steps} steps, and the shortest schedule has ${most}; ask for fewer`,
    );
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        tasks: { type: 'string', default: wantedTasks.join(',') },
        models: { type: 'string', default: 'all' },
        precisions: { type: 'string', default: 'bf16,tf32' },
        kernels: { type: 'string', default: kernelForms.join(',') },
        length: { type: 'string' },
        batch: { type: 'string' },
        scaling: { type: 'boolean', default: false },
        'scaling-lengths': { type: 'string', default: '1024,2048,4096,8192,16384' },
        'scaling-batch': { type: 'string' },
        peers: { type: 'string', default: '' },
        'peer-python': { type: 'string', default: 'python3' },
        'peers-dir': { type: 'string' },
        schedule: { type: 'string', default: 'one-cycle' },
        reads: { type: 'string' },
        'steps-per-read': { type: 'string' },
        warmup: { type: 'string' },
        seed: { type: 'string' },
        seconds: { type: 'string' },
        'seconds-each': { type: 'string' },
        output: { type: 'string' },
        retry: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function integer(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`--${name} must be an integer of at least ${least}, got '${text}'`);
  }
  return value;
}

function items(text: string): string[] {
  return text.split(',').filter((item) => item !== '');
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  if (!(known as readonly string[]).includes(value)) {
    throw new UsageError(`--${name} must be one of ${known.join(', ')}, got '${value}'`);
  }
  return value as T;
}

function listOf<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  return items(text).map((item) => oneOf(name, item, known));
}

/** `PATH`, or `torch=PATH,jax=PATH`. */
function pythons(text: string): PeerPlace['python'] {
  if (!text.includes('=')) return { torch: text, jax: text };
  const paths: Record<'torch' | 'jax', string> = { torch: 'python3', jax: 'python3' };
  for (const item of items(text)) {
    const [module, path] = item.split('=');
    if (!['torch', 'jax'].includes(module) || !path) {
      throw new UsageError(`--peer-python must be a path, or torch=PATH,jax=PATH, got '${text}'`);
    }
    paths[module as 'torch' | 'jax'] = path;
  }
  return paths;
}
