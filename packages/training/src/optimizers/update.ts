import { tileCall } from '@primal-attention/runtime';
import { adamWRates, adamwProgram, mostAdamWWeights, writtenOnce } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';

/** A weight and its moments, of one shape. */
export interface Moments {
  readonly weight: tf.Tensor;
  readonly first: tf.Tensor;
  readonly second: tf.Tensor;
}

/** What one step does to a weight. */
export interface Update extends Moments {
  readonly gradient: tf.Tensor;
}

/** The scalars of a step, the same for all weights. */
export interface StepScalars {
  /** 1 - beta1. */
  readonly fresh1: tf.Tensor;
  /** 1 - beta2. */
  readonly fresh2: tf.Tensor;
  readonly stepSize: tf.Tensor;
  readonly rootScale: tf.Tensor;
  readonly offset: tf.Tensor;
  /** What weight decay leaves of a weight; undefined for all. */
  readonly kept: tf.Tensor | undefined;
}

/**
 * m <- m + fresh1 (g - m), v <- v + fresh2 (g^2 - v), x <- kept x - stepSize m / (rootScale sqrt(v) + offset), with the
 * weight x, its gradient g and its moments m and v.
 */
export function updated(
  { weight, gradient, ...before }: Update,
  { fresh1, fresh2, stepSize, rootScale, offset, kept }: StepScalars,
): Moments {
  const first = tf.add(before.first, tf.mul(tf.sub(gradient, before.first), fresh1));
  const second = tf.add(before.second, tf.mul(tf.sub(tf.square(gradient), before.second), fresh2));
  const denominator = tf.add(tf.mul(tf.sqrt(second), rootScale), offset);
  const change = tf.mul(tf.div(first, denominator), stepSize);
  return { weight: tf.sub(kept === undefined ? weight : tf.mul(weight, kept), change), first, second };
}

/** {@link updated} for all weights, by as few calls of the kernel `adamw` as they need. */
export function updatedByKernels(updates: readonly Update[], scalars: StepScalars): Moments[] {
  const next: Moments[] = [];
  for (let start = 0; start < updates.length; start += mostAdamWWeights) {
    next.push(...updatedTogether(updates.slice(start, start + mostAdamWWeights), scalars));
  }
  return next;
}

function updatedTogether(updates: readonly Update[], scalars: StepScalars): Moments[] {
  const shapes = updates.map(({ weight }) => weight.shape);
  const count = updates.length;
  const rates = tf.stack(adamWRates.map((name) => scalars[name] ?? tf.scalar(1))); // [6]
  const operands = (['weight', 'gradient', 'first', 'second'] as const).flatMap((name) =>
    updates.map((update) => update[name]),
  );
  const results = tileCall(writtenOnce('adamw', { shapes }, adamwProgram), [rates, ...operands], {
    plain: (rates, ...operands) => {
      const all = tf.unstack(rates);
      const scalars = Object.fromEntries(
        adamWRates.map((name, i) => [name, all[i]]),
      ) as unknown as StepScalars;
      const made = Array.from({ length: count }, (_, i) => {
        const [weight, gradient, first, second] = [0, 1, 2, 3].map((kind) => operands[kind * count + i]);
        return updated({ weight, gradient, first, second }, scalars);
      });
      return (['weight', 'first', 'second'] as const).flatMap((name) => made.map((one) => one[name]));
    },
  });
  return updates.map((_, i) => ({
    weight: results[i],
    first: results[count + i],
    second: results[2 * count + i],
  }));
}
