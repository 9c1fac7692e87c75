import { idOf, type OverSeeds, overSeeds, parseId } from '@primal-attention/experiment';
import { configHash, type MetricsLine } from '@primal-attention/training';
import { committedRuns, historyOf } from './committed.js';
import type { RunSummary } from './summary.js';

/** A committed result with what the run logged. */
export interface LoggedRun {
  readonly summary: RunSummary;
  readonly history: readonly MetricsLine[];
}

/** Runs of one config but for seed and kernels, by whether they have kernels. */
export interface Pair {
  /** The run's folder name, with the precision where that is a variant's: `text-primal`, `text-primal.bf16`. */
  readonly run: string;
  readonly without: readonly LoggedRun[];
  readonly with: readonly LoggedRun[];
}

/** The runs that have a committed result with kernels, without, or both; each with all of its seeds. */
export function pairsOf(results: string): Pair[] {
  const groups = new Map<string, RunSummary[]>();
  for (const summary of committedRuns(results)) {
    const key = configHash({ ...summary.config, seed: undefined, kernels: undefined });
    groups.set(key, [...(groups.get(key) ?? []), summary]);
  }
  return [...groups.values()].map((group) => {
    const logged = (has: boolean): LoggedRun[] =>
      group
        .filter(({ kernels }) => (kernels !== undefined) === has)
        .map((summary) => ({ summary, history: historyOf(results, summary.id) }));
    return { run: nameOf(group[0].id), without: logged(false), with: logged(true) };
  });
}

/** What seeds of a run have in common in their names. */
function nameOf(id: string): string {
  const listed = parseId(id);
  if (listed === undefined) return id;
  const { run, variant } = listed;
  return idOf({ run, variant: { precision: variant.precision } });
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
