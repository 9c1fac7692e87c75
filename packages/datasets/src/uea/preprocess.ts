import type { TimeSeriesCase, TimeSeriesSet } from './parse-ts.js';

/** One split, ready for a network. */
export interface PreparedSplit {
  /** `[cases, length, dimensions]`: standardised series, zeros after a series' end. */
  x: Float32Array;
  /** `[cases, length]`: 1 for a real time step, 0 for padding. */
  mask: Float32Array;
  /** `[cases]`: index into `classes`. */
  y: Int32Array;
  cases: number;
  /** `[cases]`: real time steps, after cutting. */
  lengths: Int32Array;
  /** Cases that were longer than `length` and lost their end. */
  truncated: number;
  /** Missing values that were filled in. */
  interpolated: number;
}

/** Train and test with the statistics that made them. */
export interface PreparedSet {
  name: string;
  dimensions: number;
  /** Time steps of every padded series: the longest train series. */
  length: number;
  /** Labels by class code. */
  classes: string[];
  /** `[dimensions]`: mean of the train split. */
  mean: Float64Array;
  /** `[dimensions]`: standard deviation of the train split, ddof = 1. */
  std: Float64Array;
  train: PreparedSplit;
  test: PreparedSplit;
}

/**
 * x = (v - mean_train) / (std_train + eps) per feature, over all time steps of all train cases; std with ddof = 1, eps = 2^-52.
 *
 * In this order: missing values are interpolated linearly within their case and feature (before the first and after the last
 * known value: that value), then mean and std are taken from the train split, in float64 and over real steps only, both splits
 * are standardised with them, and series are padded with zeros to the longest train series. A longer test series is cut there;
 * `test.truncated` says how many were (JapaneseVowels: series of more than 26 steps). Class codes follow the sorted labels, as
 * text: `1.0`, `10.0`, `2.0`.
 *
 * A feature that is constant in train is divided by eps alone: 0 there, but huge wherever a test value differs.
 *
 * How ours differs from the official code: class codes come from the header's labels, there from the labels that occur in each
 * file; the same wherever every class occurs in both. A feature without any value in a case is an error here, NaN there.
 *
 * Source: data loading and normaliser of the time-series experiments (UEA) in the paper's repository, which are those of
 * gzerveas/mvts_transformer.
 *
 * @throws if either split has no labels, if the splits' dimensions or labels differ, or if a feature cannot be interpolated
 */
export function preprocess(train: TimeSeriesSet, test: TimeSeriesSet): PreparedSet {
  if (train.dimensions !== test.dimensions) {
    throw new Error(`preprocess: train has ${train.dimensions} dimensions, test has ${test.dimensions}`);
  }
  const classes = sortedClasses(train, test);
  const { dimensions, maxLength: length } = train;
  const trainCases = train.cases.map((one, index) => interpolate(one, dimensions, `train case ${index + 1}`));
  const testCases = test.cases.map((one, index) => interpolate(one, dimensions, `test case ${index + 1}`));
  const { mean, std } = moments(trainCases, dimensions);
  const prepare = (set: TimeSeriesSet, cases: TimeSeriesCase[]): PreparedSplit => ({
    ...pad(cases, length, mean, std),
    y: codes(set, classes),
    cases: cases.length,
    interpolated: set.missing,
  });
  return {
    name: train.name,
    dimensions,
    length,
    classes,
    mean,
    std,
    train: prepare(train, trainCases),
    test: prepare(test, testCases),
  };
}

function sortedClasses(train: TimeSeriesSet, test: TimeSeriesSet): string[] {
  const [a, b] = [train, test].map((set, index) => {
    if (set.classes) return [...set.classes].sort();
    throw new Error(
      `preprocess: the ${index === 0 ? 'train' : 'test'} split has no class labels (@classLabel false)`,
    );
  });
  if (a.length !== b.length || a.some((label, index) => label !== b[index])) {
    throw new Error(`preprocess: train has the classes ${a.join(', ')}, test has ${b.join(', ')}`);
  }
  return a;
}

function codes(set: TimeSeriesSet, classes: string[]): Int32Array {
  const byHeaderIndex = set.classes!.map((label) => classes.indexOf(label));
  return set.labels!.map((index) => byHeaderIndex[index]);
}

/** The case itself when nothing is missing, otherwise a filled copy. */
function interpolate(one: TimeSeriesCase, dimensions: number, where: string): TimeSeriesCase {
  if (!one.values.some(Number.isNaN)) return one;
  const values = one.values.slice();
  for (let channel = 0; channel < dimensions; channel++) {
    const series = values.subarray(channel * one.length, (channel + 1) * one.length);
    if (!fillGaps(series)) {
      throw new Error(
        `preprocess: ${where} has no value in channel ${channel + 1}: nothing to interpolate from; leave the case out or fill it`,
      );
    }
  }
  return { values, length: one.length };
}

/** Fills NaN in place; false when there is nothing else. */
function fillGaps(series: Float64Array): boolean {
  let known = -1; // index of the last known value
  for (let step = 0; step < series.length; step++) {
    if (Number.isNaN(series[step])) continue;
    const from = known < 0 ? series[step] : series[known];
    const slope = (series[step] - from) / (step - known);
    for (let gap = known + 1; gap < step; gap++) series[gap] = from + slope * (gap - known);
    known = step;
  }
  if (known < 0) return false;
  series.fill(series[known], known + 1);
  return true;
}

function moments(cases: TimeSeriesCase[], dimensions: number): { mean: Float64Array; std: Float64Array } {
  const steps = cases.reduce((sum, one) => sum + one.length, 0);
  if (steps < 2) {
    throw new Error(
      `preprocess: the train split has ${steps} time step; a standard deviation with ddof = 1 needs at least 2`,
    );
  }
  const mean = new Float64Array(dimensions);
  const std = new Float64Array(dimensions);
  for (let channel = 0; channel < dimensions; channel++) {
    // Sums of differences from one of the values: exact for a constant feature, whose std must be 0 and not rounding noise.
    const origin = cases[0].values[channel * cases[0].length];
    mean[channel] = origin + sumOver(cases, channel, (value) => value - origin) / steps;
    const squares = sumOver(cases, channel, (value) => (value - mean[channel]) ** 2);
    std[channel] = Math.sqrt(squares / (steps - 1));
  }
  return { mean, std };
}

function sumOver(cases: TimeSeriesCase[], channel: number, term: (value: number) => number): number {
  let sum = 0;
  for (const { values, length } of cases) {
    for (let i = channel * length; i < (channel + 1) * length; i++) sum += term(values[i]);
  }
  return sum;
}

function pad(
  cases: TimeSeriesCase[],
  length: number,
  mean: Float64Array,
  std: Float64Array,
): Pick<PreparedSplit, 'x' | 'mask' | 'lengths' | 'truncated'> {
  const dimensions = mean.length;
  const x = new Float32Array(cases.length * length * dimensions); // [cases, length, dimensions]
  const mask = new Float32Array(cases.length * length); // [cases, length]
  const lengths = new Int32Array(cases.length);
  let truncated = 0;
  for (const [index, one] of cases.entries()) {
    if (one.length > length) truncated++;
    const steps = Math.min(one.length, length);
    lengths[index] = steps;
    mask.fill(1, index * length, index * length + steps);
    for (let step = 0; step < steps; step++) {
      for (let channel = 0; channel < dimensions; channel++) {
        const value = one.values[channel * one.length + step];
        x[(index * length + step) * dimensions + channel] =
          (value - mean[channel]) / (std[channel] + Number.EPSILON);
      }
    }
  }
  return { x, mask, lengths, truncated };
}
