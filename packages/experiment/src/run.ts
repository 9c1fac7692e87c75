import { basename, join, resolve } from 'node:path';
import { configHash } from '@primal-attention/training';
import { readJsonConfig } from './config-file.js';
import { lacking, type Needs } from './lacking.js';
import { type Provenance, provenance } from './provenance.js';
import { readableJson } from './readable-json.js';
import { RunError, refusing, refusingAsync } from './run-error.js';
import type { RunRequest } from './run-main.js';
import { claimRunPlace, finishedSummary, placesOf, settleRun } from './run-place.js';
import { idOf, lessConfig } from './variant.js';
import { writeWhole } from './write-whole.js';

/** What every run's `summary.json` says, beside its experiment's own facts. */
export interface CommonSummary<C> {
  /** The run's folder name, or that with the name of a variant: `text-primal`, `text-primal.seed1`. */
  readonly id: string;
  readonly config: C;
  readonly configHash: string;
  readonly provenance: Provenance;
}

/** What an experiment does to make one of its runs. `C`: its config; `S`: its summary. */
export interface Experiment<C, S extends CommonSummary<C>> {
  /** Checks a config. @throws Error naming `source` and each setting that is wrong */
  readonly parseConfig: (json: unknown, source: string) => C;
  readonly startEngine: () => Promise<unknown>;
  /** The run's data set, and which of its parts are not on this machine. */
  readonly missingData: (config: C) => Promise<Pick<Needs, 'dataset' | 'missing'>>;
  /** Why the engine in use cannot make a run of this config, which is then an error before anything is written; undefined where it can. */
  readonly refusal?: (config: C) => string | undefined;
  /** Trains, into `directory`, or goes on there, and gives what is the experiment's own in the summary. */
  readonly train: (
    config: C,
    place: { readonly directory: string; readonly stop: AbortSignal },
  ) => Promise<Omit<S, keyof CommonSummary<C>>>;
  /** What the last line says of a finished run. */
  readonly headline: (summary: S) => string;
}

/**
 * Makes the run that `folder`/config.json describes, or a variant of it.
 *
 * A finished run with the same config is kept, whatever has changed in the code since: its summary names the commit. A run of another
 * config is moved aside, never overwritten. A run that was killed goes on from its last checkpoint.
 *
 * @returns undefined where the run was left out, for lack of a GPU or of data; nothing is written then
 * @throws StoppedError where `stop` was aborted
 * @throws RunError where config, engine or experiment refuse the run; nothing is written then
 * @throws RunInUseError where another process makes this run at this moment
 */
export async function makeRun<C extends { readonly seed: number }, S extends CommonSummary<C>>(
  request: RunRequest,
  experiment: Experiment<C, S>,
): Promise<S | undefined> {
  const { folder, onGpu, stop } = request;
  const path = join(folder, 'config.json');
  const json = readJsonConfig(path);
  const parse = (given: unknown): C => refusing(() => experiment.parseConfig(given, path));
  const variant = lessConfig(request.variant, parse(json));
  const config = parse({ ...(json as object), ...variant });
  const id = idOf({ run: basename(resolve(folder)), variant });
  const hash = configHash(config);
  const places = placesOf(folder, variant, request.out);
  // Of a process that was killed when all was done.
  if (finishedSummary(places.work, hash) !== undefined) settleRun(places);
  const finished = finishedSummary<S>(places.result, hash);
  if (finished !== undefined) {
    console.log(`${id}: finished before, with commit ${finished.provenance.commit}; nothing to do`);
    return finished;
  }
  await refusingAsync(experiment.startEngine);
  if (onGpu) {
    const reason = lacking({ folder, variant, ...(await experiment.missingData(config)) });
    if (reason !== undefined) {
      console.log(`${id}: skipped: ${reason}`);
      return undefined;
    }
  }
  const refusal = experiment.refusal?.(config);
  if (refusal !== undefined) throw new RunError(`${id}: ${refusal}`);
  // Before training: what counts is the code that was loaded.
  const origin = provenance();
  console.log(`${id}: on ${origin.device}`);
  claimRunPlace(places, hash);
  const own = await experiment.train(config, { directory: places.work, stop });
  const summary = { id, config, configHash: hash, ...own, provenance: origin } as unknown as S;
  writeWhole(join(places.work, 'summary.json'), readableJson(summary));
  settleRun(places);
  console.log(`${id}: ${experiment.headline(summary)}`);
  return summary;
}
