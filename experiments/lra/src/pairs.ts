import { idOf, type OverSeeds, overSeeds, parseId } from '@primal-attention/experiment';
import { type DropoutDraw, dropoutDraws } from '@primal-attention/runtime';
import { configHash, type MetricsLine } from '@primal-attention/training';
import { committedRuns, historyOf } from './committed.js';
import { drawOf } from './draws.js';
import type { RunSummary } from './summary.js';

/** A committed result with what the run logged. */
export interface LoggedRun {
  readonly summary: RunSummary;
  readonly history: readonly MetricsLine[];
}

/** Runs of one config but for seed, kernels and the draw of dropout, by whether they have kernels; those of one side draw alike. */
export interface Pair {
  /** The run's folder name, with what of precision and draw is a variant's: `text-primal`, `text-primal.bf16.products`. */
  readonly run: string;
  readonly without: readonly LoggedRun[];
  readonly with: readonly LoggedRun[];
}

/**
 * The runs that have a committed result with kernels, without, or both; each with all of its seeds. Runs with kernels make a pair for
 * each draw of dropout, with the runs without kernels that draw so, or, where there are none, with those that draw otherwise.
 */
export function pairsOf(results: string): Pair[] {
  const groups = new Map<string, RunSummary[]>();
  for (const summary of committedRuns(results)) {
    const key = configHash({
      ...summary.config,
      ...{ seed: undefined, kernels: undefined, dropoutDraw: undefined },
    });
    groups.set(key, [...(groups.get(key) ?? []), summary]);
  }
  const logged = (runs: readonly RunSummary[]): LoggedRun[] =>
    runs.map((summary) => ({ summary, history: historyOf(results, summary.id) }));
  return [...groups.values()].flatMap((group) => {
    const by = byDraw(group.filter(({ kernels }) => kernels !== undefined));
    const without = byDraw(group.filter(({ kernels }) => kernels === undefined));
    const draws = by.size > 0 ? by : without;
    return [...draws].map(([draw, [{ id }]]) => ({
      run: nameOf(id),
      without: logged(without.get(draw) ?? [...without.values()].flat()),
      with: logged(by.get(draw) ?? []),
    }));
  });
}

/** Runs by how their dropout draws, as far as there are any. */
function byDraw(runs: readonly RunSummary[]): Map<DropoutDraw, RunSummary[]> {
  const found = dropoutDraws.map(
    (draw) => [draw, runs.filter(({ config }) => drawOf(config) === draw)] as const,
  );
  return new Map(found.filter(([, of]) => of.length > 0));
}

/** What seeds of a run have in common in their names. */
function nameOf(id: string): string {
  const listed = parseId(id);
  if (listed === undefined) return id;
  const { run, variant } = listed;
  return idOf({ run, variant: { precision: variant.precision, dropoutDraw: variant.dropoutDraw } });
}

/** A number over the course of training: the mean over seeds, and their standard deviation where there are several. */
export interface Curve {
  readonly steps: readonly number[];
  readonly mean: readonly number[];
  readonly deviation?: readonly number[];
}

/** Cross entropy of the steps since the last line, with dropout; or accuracy on the development set, in percent. */
export function curveOf(runs: readonly LoggedRun[], what: 'loss' | 'accuracy'): Curve {
  const kind = what === 'loss' ? 'train' : 'evaluation';
  const perRun = runs.map(({ history }) =>
    history
      .filter((line) => line.kind === kind)
      .map(({ step, metrics }) => ({
        step,
        // A loss with the KSVD term has the cross entropy beside it. A number that was not finite is null in the log.
        value:
          what === 'loss'
            ? (metrics.crossEntropy ?? metrics.loss ?? Number.NaN)
            : 100 * (metrics.accuracy ?? Number.NaN),
      })),
  );
  const steps = perRun[0].map(({ step }) => step);
  const points: OverSeeds[] = steps.map((step, i) => {
    const values = perRun.map((line) => {
      if (line[i]?.step === step) return line[i].value;
      throw new Error(`the runs ${runs.map(({ summary }) => summary.id).join(', ')} logged other steps each`);
    });
    return overSeeds(values);
  });
  const deviation = points.map((point) => point.deviation ?? Number.NaN);
  return {
    steps,
    mean: points.map(({ ours }) => ours),
    ...(runs.length > 1 && { deviation }),
  };
}

/** Accuracies in percent, and how far apart they are. */
export interface Accuracies {
  readonly without: OverSeeds;
  readonly with: OverSeeds;
  /** With less without, in points, and the standard error of that (Welch's) where both have several seeds. */
  readonly difference: number;
  readonly standardError?: number;
}

/** Of one of the two protocols. */
export function accuraciesOf(pair: Pair, protocol: 'published' | 'lastCheckpoint'): Accuracies {
  const values = (runs: readonly LoggedRun[]): number[] =>
    runs.map(({ summary }) => 100 * summary.accuracy[protocol].accuracy);
  const [without, by] = [overSeeds(values(pair.without)), overSeeds(values(pair.with))];
  const difference = by.ours - without.ours;
  if (without.deviation === undefined || by.deviation === undefined) return { without, with: by, difference };
  const standardError = Math.sqrt(
    without.deviation ** 2 / pair.without.length + by.deviation ** 2 / pair.with.length,
  );
  return { without, with: by, difference, standardError };
}
