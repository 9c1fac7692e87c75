import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { askChild } from './child.js';
import type { Measurement, Outcome, Protocol } from './measurement.js';
import type { ModelName } from './settings.js';
import { median } from './statistics.js';

/** A model's name in the peers' own terms. */
type Mechanisms = { readonly [Name in ModelName]?: 'primal' | 'softmax' };

interface PeerProgram {
  readonly file: string;
  readonly flags: readonly string[];
  /** What its Python must have. */
  readonly module: 'torch' | 'jax';
  readonly mechanisms: Mechanisms;
}

const both: Mechanisms = { 'Primal.': 'primal', 'Trans.': 'softmax' };
// The fused kernel changes softmax alone; it has the mask and the dropout of the plain one.
const softmaxAlone: Mechanisms = { 'Trans.': 'softmax' };
const torch = { file: 'lra_step_torch.py', module: 'torch' } as const;

/** The step of the text task in other languages: what is in bench/peers, whose README says what each is. */
const programs = {
  torch: { ...torch, flags: [], mechanisms: both },
  'torch-compile': { ...torch, flags: ['--compile'], mechanisms: both },
  'torch-sdpa': { ...torch, flags: ['--sdpa'], mechanisms: softmaxAlone },
  'torch-sdpa-compile': { ...torch, flags: ['--sdpa', '--compile'], mechanisms: softmaxAlone },
  jax: { file: 'lra_step_jax.py', module: 'jax', flags: [], mechanisms: both },
} as const satisfies Record<string, PeerProgram>;

export type PeerName = keyof typeof programs;
export const peerNames = Object.keys(programs) as PeerName[];

/** The models that a peer has. */
export function mechanismsOf(peer: PeerName): Mechanisms {
  return programs[peer].mechanisms;
}

/** The Python of each module, and the folder of the peers' programs. */
export interface PeerPlace {
  readonly python: Readonly<Record<'torch' | 'jax', string>>;
  readonly folder: string;
}

/** The module that a peer's Python lacks; undefined when it lacks none. */
export function missingModule(peer: PeerName, { python }: PeerPlace): string | undefined {
  const { module } = programs[peer];
  return spawnSync(python[module], ['-c', `import ${module}`]).status === 0 ? undefined : module;
}

/** Times a peer, by the protocol that bench/peers/lra_protocol.py describes. @throws ChildFailure */
export async function timePeer(
  settings: Measurement & Protocol,
  place: PeerPlace,
  options: { cuda: boolean; seconds: number },
): Promise<Outcome> {
  const { file, flags, module, mechanisms } = programs[settings.program as PeerName];
  const { length, batch, precision, reads, stepsPerRead, warmup, seed } = settings;
  const mechanism = (mechanisms as Mechanisms)[settings.model];
  const values = {
    ...{ mechanism, length, batch, precision, seed, warmup, stepsPerRead, steps: reads * stepsPerRead },
    ...{ threads: availableParallelism(), device: options.cuda ? 'cuda' : 'cpu' },
  };
  const answers = await askChild({
    command: place.python[module],
    args: [
      join(place.folder, file),
      ...Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ...flags,
    ],
    // JAX would take most of the card at once, and hide what it needs.
    env: { XLA_PYTHON_CLIENT_PREALLOCATE: 'false' },
    // One round, for which it waits.
    ...{ input: 'go\n', answers: 3, seconds: options.seconds },
  });
  return peerOutcome(answers.map(({ value }) => value) as never, answers[0].ms);
}

interface FirstAnswer {
  readonly loss: number;
  readonly compilation: { readonly milliseconds: number } | null;
}
interface ReadyAnswer {
  readonly parameters: number;
  readonly peakBytes: number | null;
  readonly peakBytesSource: string | null;
  readonly versions: Record<string, string>;
}
interface RoundAnswer {
  readonly ms: number[];
}

/** A peer's three answers as a line's numbers. */
export function peerOutcome(
  [first, ready, round]: [FirstAnswer, ReadyAnswer, RoundAnswer],
  firstLossMs: number,
): Outcome {
  const { peakBytes, peakBytesSource, parameters, versions } = ready;
  const planned = peakBytesSource === 'the compiled program';
  return {
    msPerStep: median(round.ms),
    msReads: round.ms,
    devicePeakBytes: planned ? null : peakBytes,
    ...(peakBytes !== null && !planned && { peakBytesSource: peakBytesSource ?? undefined }),
    programBytes: planned ? peakBytes : null,
    ...{ flops: null, transcendentals: null, parameters, versions },
    compileMs: first.compilation?.milliseconds ?? null,
    firstLossMs: { cold: firstLossMs, disk: null },
    loss: first.loss,
  };
}
