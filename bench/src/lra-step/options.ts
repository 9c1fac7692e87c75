import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  benchFolder,
  count as countOf,
  countReader,
  type Device,
  defaultDevice,
  items,
  listOf,
  UsageError,
} from '../command-line.js';
import { hasMechanism, type PeerName, peerNames, pythonOf } from './peers.js';
import {
  type Backend,
  backends,
  isXla,
  type KernelForm,
  kernelForms,
  mechanisms,
  type Precision,
  precisions,
  type StepSettings,
} from './settings.js';

/** A program of a comparison. */
export interface Entry {
  readonly name: Backend | PeerName;
  /** The form of our model; null for a peer, which has its own. */
  readonly kernels: KernelForm | null;
  readonly settings: StepSettings;
}

/** Programs that take turns, round by round: one table. */
export type Comparison = readonly Entry[];

export interface Options {
  /**
   * `tables`: a comparison for each mechanism and precision. `lengths`: one for each precision and length, of all mechanisms.
   * `profile`: one program each.
   */
  readonly mode: 'tables' | 'lengths' | 'profile';
  readonly comparisons: readonly Comparison[];
  /** What is otherwise than it was asked for, and why: to be told before anything is timed. */
  readonly notes: readonly string[];
  /** The Python that has a module. */
  readonly python: (module: string) => string;
  readonly peersFolder: string;
  readonly rounds: number;
  readonly device: Device;
  /** The folder to write results to. */
  readonly save: string | undefined;
}

/** B N where N varies: that of the paper's text task, N 4096 and batch 32. */
const defaultTokens = 131_072;
/** Of which a profile compares the wall time with the sum of the kernels' times. */
const profiledSteps = 200;

export const usage = `usage: lra-step.js [options]
  --backends LIST        of ${backends.join(', ')} (default xla)
  --kernels LIST         of ${kernelForms.join(', ')} (default off): our model by GPU kernels of our own, or as the paper has it
  --peers LIST           of ${peerNames.join(', ')} (default none)
  --peer-python PATH     a Python with the peers' libraries, or torch=PATH,jax=PATH (default python3)
  --peers-dir FOLDER     where the peers' programs are (default: beside this program)
  --mechanism LIST       of ${mechanisms.join(', ')} (default primal)
  --precision LIST       of ${precisions.join(', ')} (default float32)
  --length N --batch N   (default 1024 and 4)
  --lengths LIST         in their place: each N at the same number of tokens, all mechanisms beside each other
  --tokens N             with --lengths: B N (default ${defaultTokens})
  --profile              one step kernel by kernel instead, by JAX's profiler, and the wall time of ${profiledSteps} steps over its sum
  --steps N --rounds N   steps a round, and rounds (default 5 rounds of 10 steps; of 100 on CUDA)
  --steps-per-read N     steps between two reads of a loss, of all programs (default 1; 20 on CUDA)
  --warmup N             steps before the first round (default 10)
  --seed N               (default 0)
  --save                 writes results/lra-….jsonl, if the machine was quiet; --save-dir FOLDER: there
  --overhead             times the calls of a compiled program with 450 arguments instead

Each mechanism and precision is a table of its own, whose programs take turns.`;

/** @throws UsageError that says what was given and what is expected */
export function parseOptions(args: readonly string[], device: Device = defaultDevice()): Options {
  const { values } = parse(args);
  if (values.help) throw new UsageError('One training step of the LRA text model, timed.');
  if (values.profile && values.lengths !== undefined) {
    throw new UsageError('--profile and --lengths are two programs; call one after the other');
  }
  const mode = values.profile ? 'profile' : values.lengths === undefined ? 'tables' : 'lengths';
  const count = countReader(values);
  const stepsPerRead = count('steps-per-read', device === 'cuda' ? 20 : 1);
  const steps = count('steps', mode === 'profile' ? profiledSteps : device === 'cuda' ? 100 : 10);
  if (steps % stepsPerRead !== 0) {
    throw new UsageError(`--steps must be a multiple of --steps-per-read (${stepsPerRead}), got ${steps}`);
  }
  const list = <T extends string>(name: string, text: string, known: readonly T[]): T[] => [
    ...new Set(listOf(name, text, known)),
  ];
  const chosenMechanisms = filled('mechanism', list('mechanism', values.mechanism, mechanisms));
  const kernels = filled('kernels', list('kernels', values.kernels, kernelForms));
  const asked = filled('precision', list('precision', values.precision, precisions));
  const ours = list('backends', values.backends, backends);
  const peers = list('peers', values.peers, peerNames);
  if (mode === 'profile' && (peers.length > 0 || ours.some((name) => name !== 'xla'))) {
    throw new UsageError('--profile is of backend xla alone; leave --backends and --peers out');
  }
  if (ours.length + peers.length === 0) {
    throw new UsageError('--backends and --peers: there is nothing to time');
  }
  const notes: string[] = [];
  const chosenPrecisions = precisionsWith(kernels, asked, notes);
  checkOtherBackends(ours, kernels, chosenPrecisions);

  const shared = {
    ...{ steps, stepsPerRead },
    warmup: count('warmup', 10),
    seed: count('seed', 0, 0),
  };
  const sizes =
    mode === 'lengths'
      ? sizesOf(values.lengths!, count('tokens', defaultTokens))
      : [{ length: count('length', 1024, 4), batch: count('batch', 4) }];
  for (const name of mode === 'lengths' ? (['length', 'batch'] as const) : (['tokens'] as const)) {
    if (values[name] === undefined) continue;
    throw new UsageError(
      mode === 'lengths'
        ? `--${name} has no place beside --lengths, whose batches follow from --tokens`
        : '--tokens needs --lengths',
    );
  }
  const comparisonOf = (
    mechanisms: readonly StepSettings['mechanism'][],
    precision: Precision,
    size: (typeof sizes)[number],
  ): Entry[] =>
    mechanisms.flatMap((mechanism) => {
      const settings = { mechanism, ...size, precision, ...shared };
      return [
        ...ours.flatMap((name) =>
          (isXla(name) ? kernels : (['off'] as const)).map((form) => ({ name, kernels: form, settings })),
        ),
        ...peers
          .filter((peer) => hasMechanism(peer, mechanism))
          .map((name) => ({ name, kernels: null, settings })),
      ];
    });
  const comparisons =
    mode === 'lengths'
      ? chosenPrecisions.flatMap((precision) =>
          sizes.map((size) => comparisonOf(chosenMechanisms, precision, size)),
        )
      : chosenMechanisms.flatMap((mechanism) =>
          chosenPrecisions.map((precision) => comparisonOf([mechanism], precision, sizes[0])),
        );
  for (const mechanism of chosenMechanisms) {
    const without = peers.filter((peer) => !hasMechanism(peer, mechanism));
    if (without.length > 0)
      notes.push(`${without.join(', ')} computes softmax alone: not beside ${mechanism}`);
  }
  return {
    ...{ mode, notes, device },
    comparisons: comparisons.filter((entries) => entries.length > 0),
    python: pythonOf(values['peer-python'] ?? 'python3'),
    peersFolder: values['peers-dir'] ?? join(benchFolder(), 'peers'),
    rounds: count('rounds', 5),
    save: values['save-dir'] ?? (values.save ? join(benchFolder(), 'results') : undefined),
  };
}

/**
 * Kernels multiply what is stored as float32 in TF32. So that what stands in one table is alike, all of its programs do then, and
 * it is called by its name.
 */
function precisionsWith(
  kernels: readonly KernelForm[],
  asked: readonly Precision[],
  notes: string[],
): Precision[] {
  if (!kernels.includes('on') || !asked.includes('float32')) return [...asked];
  notes.push(
    '--precision float32 with --kernels on: kernels multiply float32 in TF32, so all programs are timed so, as tf32',
  );
  return [...new Set(asked.map((precision) => (precision === 'float32' ? 'tf32' : precision)))];
}

function checkOtherBackends(
  ours: readonly Backend[],
  kernels: readonly KernelForm[],
  chosen: readonly Precision[],
): void {
  const others = ours.filter((name) => !isXla(name));
  if (others.length === 0) return;
  const narrow = chosen.find((precision) => precision !== 'float32');
  if (narrow !== undefined) {
    throw new UsageError(
      `--precision ${narrow}${narrow === 'tf32' && kernels.includes('on') ? ', as which float32 is timed with kernels' : ''}: ${others.join(' and ')} computes in float32 only; leave it out of --backends`,
    );
  }
  if (!kernels.includes('off')) {
    throw new UsageError(
      `--kernels on: ${others.join(' and ')} has no kernels; add off, or leave it out of --backends`,
    );
  }
}

function sizesOf(text: string, tokens: number): { length: number; batch: number }[] {
  const lengths = filled(
    'lengths',
    [...new Set(items(text).map((item) => countOf('lengths', item, 4)))].sort((a, b) => a - b),
  );
  const odd = lengths.find((length) => tokens % length !== 0);
  if (odd !== undefined) {
    throw new UsageError(`--tokens must be a multiple of each of --lengths, got ${tokens} and ${odd}`);
  }
  return lengths.map((length) => ({ length, batch: tokens / length }));
}

function filled<T>(name: string, list: T[]): T[] {
  if (list.length === 0) throw new UsageError(`--${name} needs at least one item, got none`);
  return list;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        backends: { type: 'string', default: 'xla' },
        kernels: { type: 'string', default: 'off' },
        peers: { type: 'string', default: '' },
        'peer-python': { type: 'string' },
        'peers-dir': { type: 'string' },
        mechanism: { type: 'string', default: 'primal' },
        precision: { type: 'string', default: 'float32' },
        length: { type: 'string' },
        batch: { type: 'string' },
        lengths: { type: 'string' },
        tokens: { type: 'string' },
        profile: { type: 'boolean', default: false },
        steps: { type: 'string' },
        rounds: { type: 'string' },
        'steps-per-read': { type: 'string' },
        warmup: { type: 'string' },
        seed: { type: 'string' },
        save: { type: 'boolean', default: false },
        'save-dir': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
