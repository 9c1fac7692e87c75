import { requireCount } from './array.js';

/**
 * (1 / n) sum_i [predicted_i = actual_i]: the fraction of right predictions, from 0 to 1.
 *
 * Over several batches, give `MeanMetric` each batch's accuracy with the batch's size as weight.
 *
 * @param predicted [n], class codes
 * @param actual [n], class codes
 * @throws if the lengths differ or are 0
 */
export function accuracy(predicted: ArrayLike<number>, actual: ArrayLike<number>): number {
  requirePairs(predicted, actual, 'accuracy');
  let right = 0;
  for (let i = 0; i < actual.length; i++) if (predicted[i] === actual[i]) right++;
  return right / actual.length;
}

/**
 * C[a, p] = number of cases of class a that were predicted as p.
 *
 * @param predicted [n], class codes below `classes`
 * @param actual [n], class codes below `classes`
 * @returns [classes, classes], a row per actual class
 * @throws if the lengths differ or are 0, or if a code is not a whole number from 0 to classes - 1
 */
export function confusionMatrix(
  predicted: ArrayLike<number>,
  actual: ArrayLike<number>,
  classes: number,
): Int32Array {
  requirePairs(predicted, actual, 'confusionMatrix');
  requireCount(classes, 'confusionMatrix: classes');
  const counts = new Int32Array(classes * classes);
  for (let i = 0; i < actual.length; i++) {
    requireCode(predicted[i], classes, `predicted[${i}]`);
    requireCode(actual[i], classes, `actual[${i}]`);
    counts[actual[i] * classes + predicted[i]]++;
  }
  return counts;
}

function requirePairs(predicted: ArrayLike<number>, actual: ArrayLike<number>, caller: string): void {
  if (predicted.length !== actual.length) {
    throw new Error(
      `${caller}: ${predicted.length} predictions for ${actual.length} cases; both must have one entry per case`,
    );
  }
  if (actual.length === 0) throw new Error(`${caller}: there are no cases`);
}

function requireCode(code: number, classes: number, argument: string): void {
  if (!Number.isInteger(code) || code < 0 || code >= classes) {
    throw new Error(
      `confusionMatrix: ${argument} is ${code}, expected a class code from 0 to ${classes - 1}`,
    );
  }
}
