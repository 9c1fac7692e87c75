import { formName, hasOutcome, type Line, type MeasuredLine } from './measurement.js';
import { type KernelForm, kernelForms, type ModelName, type Precision, scalingModels } from './settings.js';

/** y = a + b x, and how much of the variance of y it explains. */
export interface LinearFit {
  readonly constant: number;
  readonly slope: number;
  readonly rSquared: number;
}

/**
 * The line with the least sum of squared errors through at least three points.
 *
 *     b = sum (x - mean x)(y - mean y) / sum (x - mean x)^2,   R^2 = 1 - sum (y - a - b x)^2 / sum (y - mean y)^2
 *
 * R^2 is 1 where all y are the same, which a level line explains.
 */
export function linearFit(x: readonly number[], y: readonly number[]): LinearFit {
  if (x.length !== y.length || new Set(x).size < 3) {
    throw new Error(`linearFit: needs at least 3 different x, each with its y; got [${x}] and [${y}]`);
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(x), mean(y)];
  const dx = x.map((value) => value - meanX);
  const dy = y.map((value) => value - meanY);
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i], 0);
  const slope = dot(dx, dy) / dot(dx, dx);
  const errors = dy.map((value, i) => value - slope * dx[i]);
  const total = dot(dy, dy);
  return {
    ...{ constant: meanY - slope * meanX, slope },
    rSquared: total === 0 ? 1 : 1 - dot(errors, errors) / total,
  };
}

/** Where one curve goes below another. */
export interface Crossing {
  /** N, between two lengths that were measured: the two curves are straight there in log N and the log of the value. */
  readonly at: number;
  /** Whether the first curve is the lower one from there on. */
  readonly lowerAfter: boolean;
}

/** The crossings of two curves over the same lengths, which ascend; values are positive. Equal is not lower. */
export function crossings(
  lengths: readonly number[],
  ours: readonly number[],
  others: readonly number[],
): Crossing[] {
  const gap = ours.map((value, i) => Math.log(value / others[i]));
  return gap.slice(1).flatMap((right, i) => {
    const left = gap[i];
    if (left < 0 === right < 0) return [];
    const share = left / (left - right);
    const at = lengths[i] * (lengths[i + 1] / lengths[i]) ** share;
    return [{ at, lowerAfter: right < 0 }];
  });
}

/** What the crossings mean, as a sentence. */
export function crossoverSentence(
  name: string,
  other: string,
  lengths: readonly number[],
  ours: readonly number[],
  others: readonly number[],
): string {
  if (lengths.length === 0) return `There is no N at which both ${name} and ${other} were measured.`;
  const found = crossings(lengths, ours, others);
  const range =
    lengths.length === 1
      ? `at N ${count(lengths[0])}`
      : `at every N measured (${count(lengths[0])} to ${count(lengths.at(-1)!)})`;
  if (found.length === 0) {
    return `${name} is ${ours[0] < others[0] ? 'faster' : 'slower'} than ${other} ${range}.`;
  }
  const changes = found.map(
    ({ at, lowerAfter }) => `${lowerAfter ? 'faster' : 'slower'} from about N = ${count(rounded(at))} on`,
  );
  return `${name} is ${ours[0] < others[0] ? 'faster' : 'slower'} than ${other} at first, ${changes.join(', ')} (interpolated).`;
}

/** An N that is interpolated is good to two digits at most. */
function rounded(n: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return Math.round(n / unit) * unit;
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** Time and memory of one form of a model in one precision over N. */
export interface Curve {
  readonly model: ModelName;
  readonly precision: Precision;
  readonly kernels: KernelForm;
  readonly batch: number;
  readonly lengths: number[];
  readonly msPerStep: number[];
  /** The device's peak, or where it does not count, the compiler's plan. */
  readonly bytes: number[];
  readonly bytesAreMeasured: boolean;
  /** Lengths at which it failed. */
  readonly failures: { readonly length: number; readonly failure: string }[];
}

/** The curves of the scaling lines, models in the order of `settings.ts`, one after the other for each precision and form. */
export function curvesOf(lines: readonly Line[]): Curve[] {
  const points = lines
    .filter(({ part, program }) => part === 'scaling' && program === 'ours')
    .filter((line) => !(hasOutcome(line) && line.kernelsRefused !== undefined))
    .sort((a, b) => a.length - b.length);
  const precisions = [...new Set(points.map(({ precision }) => precision))];
  const kinds = precisions.flatMap((precision) => kernelForms.map((kernels) => ({ precision, kernels })));
  return kinds.flatMap(({ precision, kernels }) =>
    scalingModels.flatMap((model): Curve[] => {
      const mine = points.filter(
        (line) => line.model === model && line.precision === precision && line.kernels === kernels,
      );
      if (mine.length === 0) return [];
      const batches = new Set(mine.map(({ batch }) => batch));
      if (batches.size > 1) {
        throw new Error(
          `the scaling lines of ${model} in ${precision} have several batches (${[...batches].join(', ')}); keep one`,
        );
      }
      const measured = mine.filter(hasOutcome);
      const bytesAreMeasured = measured.every(({ devicePeakBytes }) => devicePeakBytes !== null);
      return [
        {
          ...{ model, precision, kernels, batch: mine[0].batch, bytesAreMeasured },
          lengths: measured.map(({ length }) => length),
          msPerStep: measured.map(({ msPerStep }) => msPerStep),
          bytes: measured.map((line) => bytesOf(line, bytesAreMeasured)),
          failures: mine.flatMap((line) =>
            hasOutcome(line) ? [] : [{ length: line.length, failure: line.failure }],
          ),
        },
      ];
    }),
  );
}

function bytesOf({ devicePeakBytes, programBytes }: MeasuredLine, measured: boolean): number {
  return (measured ? devicePeakBytes : programBytes)!;
}

/** Where Primal. is faster than each of the others, in each precision and form. */
export function crossoverSentences(curves: readonly Curve[]): string[] {
  const [ours, ...others] = scalingModels;
  const kinds = new Map(
    curves.map(({ precision, kernels }) => [`${precision} ${kernels}`, { precision, kernels }]),
  );
  return [...kinds.values()].flatMap(({ precision, kernels }) => {
    const find = (model: ModelName): Curve | undefined =>
      curves.find(
        (curve) => curve.model === model && curve.precision === precision && curve.kernels === kernels,
      );
    const primal = find(ours);
    if (primal === undefined) return [];
    return others.flatMap((model) => {
      const other = find(model);
      if (other === undefined) return [];
      const shared = primal.lengths.filter((length) => other.lengths.includes(length));
      const at = (curve: Curve): number[] =>
        shared.map((length) => curve.msPerStep[curve.lengths.indexOf(length)]);
      const name = formName(other);
      const sentence = crossoverSentence(formName(primal), name, shared, at(primal), at(other));
      const failed = other.failures.map(({ length }) => count(length));
      return [
        `${precision}, batch ${primal.batch}: ${sentence}${failed.length > 0 ? ` ${name} failed at N ${failed.join(', ')}.` : ''}`,
      ];
    });
  });
}
