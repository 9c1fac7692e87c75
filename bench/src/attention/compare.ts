import { join } from 'node:path';
import type { Precision } from '../lra-step/settings.js';
import { isQuiet } from '../machine-use.js';
import type { Round } from '../peer.js';
import { median } from '../statistics.js';
import { type Times, takeTurns } from '../turns.js';
import { type Contestant, ProgramFailure } from './contestant.js';
import type { Options } from './options.js';
import type { Errors, Loaded, RoundRequest } from './protocol.js';
import type { LayerCase } from './settings.js';

/**
 * How far the two programs' first steps may be apart. float32 differs by the order of sums (1e-6, and more where an inverse is
 * iterated); tf32 and bf16 are asked for the same formula, not for the same roundings, and Reformer's hashes turn a rounding
 * into another neighbour.
 */
const tolerances: Readonly<Record<Precision, { loss: number; gradient: number }>> = {
  float32: { loss: 1e-4, gradient: 1e-3 },
  tf32: { loss: 5e-3, gradient: 0.1 },
  bf16: { loss: 2e-2, gradient: 0.2 },
};

/** A busy machine is given so many chances. */
const attempts = 3;

/** A layer's line of the results. */
export interface ResultLine {
  readonly mechanism: string;
  readonly config: Record<string, unknown>;
  readonly length: number;
  readonly batch: number;
  readonly precision: Precision;
  readonly features: number;
  readonly heads: number;
  /** Median of all rounds; null where the program failed. */
  readonly msOurs: number | null;
  readonly msPeer: number | null;
  readonly peer: string | null;
  /** Ours over the peer's, by round, of each round's medians. */
  readonly ratios: number[] | null;
  /** Their median. */
  readonly ratio: number | null;
  /** The median of what a step of ours takes outside the plugin's own execute. */
  readonly overheadMs: number | null;
  /** Why there is no time, by program; `check` where the two do not compute the same. */
  readonly failures: Record<string, string>;
  readonly errors: Errors | null;
  readonly firstMs: Record<string, number>;
  readonly programBytes: Record<string, number | null>;
  readonly versions: Record<string, string>;
  readonly device: string | null;
  readonly seed: number;
  readonly steps: number | null;
  readonly stepsPerRead: number;
  readonly rounds: number;
  /** The share of the machine that other programs took; null where nothing was timed. */
  readonly others: number | null;
}

/** Loads a layer into each program, in turn, checks that they compute the same, and times them. */
export async function compare(
  contestants: readonly Contestant[],
  of: LayerCase,
  options: Options,
  folder: string,
): Promise<ResultLine> {
  const { rounds, warmup } = options;
  const file = join(folder, 'layer.safetensors');
  const failures: Record<string, string> = {};
  const ready = new Map<Contestant, Loaded>();
  for (const contestant of contestants) {
    try {
      ready.set(contestant, await contestant.load({ load: of, file, warmup }));
    } catch (error) {
      if (!(error instanceof ProgramFailure)) throw error;
      failures[contestant.name] = error.message;
    }
  }
  const errors = [...ready.values()].find((loaded) => loaded.errors !== undefined)?.errors ?? null;
  const disagreement = errors && tooFar(errors, of.precision);
  if (disagreement) failures.check = disagreement;

  const request = ready.size > 0 ? roundRequest([...ready.values()], options) : undefined;
  const timed = request && (await timesOf([...ready.keys()], rounds, request, failures));
  const [own, peer] = ['ours', 'jax'].map((name) => timed?.byProgram.get(name)?.ms);
  const overheadMs = timed?.byProgram.get('ours')?.overheadMs;
  const ratios = own && peer && !disagreement ? own.map((round, i) => median(round) / median(peer[i])) : null;
  const each = <T>(field: (loaded: Loaded) => T): Record<string, T> =>
    Object.fromEntries([...ready].map(([{ name }, loaded]) => [name, field(loaded)]));
  return {
    mechanism: of.name,
    config: of.config,
    ...{ length: of.length, batch: of.batch, precision: of.precision },
    ...{ features: of.features, heads: of.heads },
    msOurs: own ? median(own.flat()) : null,
    msPeer: peer ? median(peer.flat()) : null,
    peer: contestants.length > 1 ? 'jax' : null,
    ratios,
    ratio: ratios && median(ratios),
    overheadMs: overheadMs ? median(overheadMs) : null,
    ...{ failures, errors },
    firstMs: each(({ firstMs }) => firstMs),
    programBytes: each(({ programBytes }) => programBytes),
    versions: Object.assign({}, ...[...ready.values()].map(({ versions }) => versions)) as Record<
      string,
      string
    >,
    device: [...ready.values()][0]?.device ?? null,
    seed: of.seed,
    steps: request?.steps ?? null,
    stepsPerRead: request?.stepsPerRead ?? options.stepsPerRead,
    rounds,
    others: timed?.others ?? null,
  };
}

/** As many steps for each program, so that the slower one's round takes about as long as it shall. */
export function roundRequest(loaded: readonly Loaded[], { roundMs, stepsPerRead }: Options): RoundRequest {
  const slowest = Math.max(...loaded.map(({ warmMs }) => warmMs));
  const steps = Math.max(1, Math.round(roundMs / slowest));
  // Of slow steps a few are enough, and the host is ahead of them anyway.
  const between = Math.min(stepsPerRead, Math.max(1, Math.ceil(steps / 3)));
  const reads = Math.min(100, Math.max(3, Math.round(steps / between)));
  return { steps: reads * between, stepsPerRead: between };
}

/** A program with one layer in it, whose rounds all ask for the same. */
class Contender {
  readonly contestant: Contestant;
  readonly peer = { round: (): Promise<Round> => this.#round() };
  readonly #request: RoundRequest;
  /** The program's CPU time before these turns, and up to now. */
  #cpuBefore: number;
  cpuMs: number;

  constructor(contestant: Contestant, request: RoundRequest, cpuBefore: number) {
    this.contestant = contestant;
    this.#request = request;
    this.#cpuBefore = cpuBefore;
    this.cpuMs = cpuBefore;
  }

  async #round(): Promise<Round> {
    const { ms, overheadMs, cpuMs } = await this.contestant.round(this.#request);
    this.cpuMs = cpuMs;
    return { ms, overheadMs, cpuMs: cpuMs - this.#cpuBefore };
  }
}

/** Times by program. One that fails on the way is left out, and the others begin again; so they do when the machine was busy. */
async function timesOf(
  contestants: readonly Contestant[],
  rounds: number,
  request: RoundRequest,
  failures: Record<string, string>,
): Promise<{ byProgram: ReadonlyMap<string, Times<Contender>>; others: number | null }> {
  let contenders = contestants.map((contestant) => new Contender(contestant, request, 0));
  for (let attempt = 1; contenders.length > 0; ) {
    try {
      const { times, others } = await takeTurns(contenders, rounds);
      if (isQuiet(others) || attempt++ === attempts) {
        const byProgram = new Map(times.map((time) => [time.contestant.contestant.name, time]));
        return { byProgram, others };
      }
      contenders = contenders.map(({ contestant, cpuMs }) => new Contender(contestant, request, cpuMs));
    } catch (error) {
      if (!(error instanceof ProgramFailure)) throw error;
      failures[error.program] = error.message;
      contenders = contenders
        .filter(({ contestant }) => contestant.name !== error.program)
        .map(({ contestant, cpuMs }) => new Contender(contestant, request, cpuMs));
    }
  }
  return { byProgram: new Map(), others: null };
}

/** What is wrong, or undefined. */
function tooFar({ loss, gradient, of }: Errors, precision: Precision): string | undefined {
  const most = tolerances[precision];
  if (loss <= most.loss && gradient <= most.gradient) return undefined;
  return (
    `the programs differ: loss by ${loss.toExponential(1)} (at most ${most.loss}), ` +
    `gradient of ${of} by ${gradient.toExponential(1)} (at most ${most.gradient})`
  );
}
