import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { expandRuns, idOf, lessConfig, variantArguments } from '@primal-attention/experiment/variant';
import { UsageError } from '../command.js';

/** A run of the bundle, or a variant of it. */
export interface ListedRun {
  /** Such as `uea/japanese-vowels-primal`, or `lra/text-primal.seed1` of a variant. */
  readonly id: string;
  /** `EXPERIMENT/RUN`: where its config is. */
  readonly folder: string;
  /** What its program is given beside the folder. */
  readonly args: readonly string[];
}

/** What the runner was asked for. */
export interface RunsOptions {
  /** Most valuable first. */
  readonly runs: readonly ListedRun[];
  /** GPUs to use; 0 is the CPU. */
  readonly gpus: number;
  /** Runs at a time on each GPU, or on the CPU. */
  readonly perGpu: number;
  /** After this time the runs are asked to stop. */
  readonly seconds: number;
  /** State of an earlier call. */
  readonly state: string | undefined;
  /** Where state and results are written. */
  readonly out: string;
  /** Bytes that the state may have. */
  readonly stateLimit: number;
  /** The unpacked code: programs, configs. */
  readonly code: string;
  /** Where runs and logs live between calls. */
  readonly work: string;
  /** When the call began, in seconds since 1970: unpacking counts too. */
  readonly started: number;
}

export const usage =
  'sh start.sh --runs EXPERIMENT/RUN[@SEED|@FROM..TO][@PRECISION][@kernels],… --out DIR [--gpus N] [--per-gpu N] [--seconds N] [--state STATE] [--state-limit MB] ' +
  '[--work DIR]';

/** @throws UsageError that says what was given and what was expected */
export function readOptions(args: readonly string[]): RunsOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string' },
      out: { type: 'string' },
      gpus: { type: 'string', default: '1' },
      'per-gpu': { type: 'string', default: '1' },
      seconds: { type: 'string' },
      state: { type: 'string' },
      'state-limit': { type: 'string', default: '48' },
      work: { type: 'string' },
      code: { type: 'string' },
      started: { type: 'string' },
    },
  });
  const { runs, out, work, code } = values;
  if (!out) throw new UsageError('--out DIR is missing: where state and results are written');
  if (!work || !code) throw new UsageError('--work and --code come from start.sh; start that');
  const chosen = listedRuns(runs ?? '', code);
  return {
    runs: chosen,
    gpus: wholeNumber('gpus', values.gpus, 0),
    perGpu: wholeNumber('per-gpu', values['per-gpu'], 1),
    seconds:
      values.seconds === undefined ? Number.POSITIVE_INFINITY : wholeNumber('seconds', values.seconds, 1),
    state: values.state === undefined ? undefined : resolve(values.state),
    out: resolve(out),
    stateLimit: 1e6 * wholeNumber('state-limit', values['state-limit'], 1),
    code: resolve(code),
    work: resolve(work),
    started: values.started === undefined ? Date.now() / 1000 : Number(values.started),
  };
}

function listedRuns(list: string, code: string): ListedRun[] {
  const known = knownRuns(code);
  let wanted: ReturnType<typeof expandRuns>;
  try {
    wanted = expandRuns(list);
  } catch (error) {
    throw new UsageError(`--runs: ${(error as Error).message}`);
  }
  const unknown = [...new Set(wanted.map(({ run }) => run))].filter((run) => !known.includes(run));
  if (wanted.length === 0 || unknown.length > 0) {
    throw new UsageError(
      `--runs names ${unknown.length > 0 ? `${unknown.join(', ')}, which the bundle does not have` : 'no run'}; it has ` +
        known.join(', '),
    );
  }
  const runs = wanted.map(({ run, variant }) => {
    const config = JSON.parse(readFileSync(join(code, 'experiments', run, 'config.json'), 'utf8'));
    const own = lessConfig(variant, config as object);
    return { id: idOf({ run, variant: own }), folder: run, args: variantArguments(own) };
  });
  const twice = runs.find(({ id }, i) => runs.findIndex((other) => other.id === id) < i);
  if (twice) throw new UsageError(`--runs names a run twice, ${twice.id}: ${list}`);
  return runs;
}

/** All runs of the bundle, as EXPERIMENT/RUN. */
function knownRuns(code: string): string[] {
  const experiments = join(code, 'experiments');
  return readdirSync(experiments).flatMap((experiment) =>
    readdirSync(join(experiments, experiment))
      .filter((run) => existsSync(join(experiments, experiment, run, 'config.json')))
      .map((run) => `${experiment}/${run}`),
  );
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`--${name} must be a whole number of at least ${least}, got '${text}'`);
}
