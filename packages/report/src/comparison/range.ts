import type { Measure, PrintedValue } from '../paper/paper-table.js';

/** Quantile of the normal distribution for 95 %, both sides. */
const z = 1.959964;

/** So many printed deviations to both sides; about 95 % as well. */
const deviations = 2;

/**
 * What the paper's number may be by chance: two of its printed deviations to both sides, or, for an accuracy p on n
 * test cases, Wilson's 95 % interval (p + z²/2n ± z sqrt(p (1 - p)/n + z²/4n²)) / (1 + z²/n). Half a unit of the last printed
 * digit is added to both sides. Null for other numbers, about whose spread nothing is known.
 *
 * It covers the choice of test cases, not that of the seed, and says nothing about faults that both might have.
 */
export function paperRange(
  printed: PrintedValue,
  measure: Measure,
  testCases: number | undefined,
): [from: number, to: number] | null {
  const rounding = 0.5 * 10 ** -measure.digits;
  const { value, deviation } = printed;
  if (deviation !== undefined) {
    return [value - deviations * deviation - rounding, value + deviations * deviation + rounding];
  }
  if (testCases === undefined || measure.unit !== '%') return null;
  const [low, high] = wilson(value / 100, testCases);
  return [Math.max(0, 100 * low - rounding), Math.min(100, 100 * high + rounding)];
}

/** Wilson's interval of a share p of n cases. */
function wilson(p: number, n: number): [low: number, high: number] {
  const scale = 1 + z ** 2 / n;
  const center = (p + z ** 2 / (2 * n)) / scale;
  const half = (z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2))) / scale;
  return [center - half, center + half];
}
