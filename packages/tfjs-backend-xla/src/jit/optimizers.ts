import * as core from '@tensorflow/tfjs-core';
import { Optimizer } from '@tensorflow/tfjs-core';

/** What the stock optimizers keep as JavaScript numbers, which a compiled function cannot see change. */
interface StockOptimizer {
  iterations_?: number;
  learningRate?: number;
  getClassName(): string;
}

export interface TracedOptimizer {
  readonly optimizer: StockOptimizer;
  readonly learningRate: number | undefined;
  /** How many updates one call of the compiled function makes. */
  readonly updates: number;
}

type Listener = (optimizer: StockOptimizer) => void;

const listeners = new Set<Listener>();
let installed = false;

/** tfjs's own optimizers, whose settings are JavaScript numbers. */
const stockOptimizers = [
  core.SGDOptimizer,
  core.MomentumOptimizer,
  core.AdagradOptimizer,
  core.AdadeltaOptimizer,
  core.AdamOptimizer,
  core.AdamaxOptimizer,
  core.RMSPropOptimizer,
];

/**
 * Has `afterUpdate` called after each update by any optimizer: when a stock one has applied gradients, and when any
 * has minimised. tfjs tells a backend nothing of this, so the methods are wrapped, once per process.
 */
export function watchOptimizers(afterUpdate: () => void): void {
  if (installed) return;
  installed = true;
  for (const { prototype } of stockOptimizers) {
    if (!Object.hasOwn(prototype, 'applyGradients')) continue;
    const apply = prototype.applyGradients as unknown as (this: StockOptimizer, gradients: never) => void;
    prototype.applyGradients = function (this: StockOptimizer, gradients: never): void {
      apply.call(this, gradients);
      for (const listener of listeners) listener(this);
      afterUpdate();
    } as never;
  }
  const { minimize } = Optimizer.prototype;
  Optimizer.prototype.minimize = function (this: Optimizer, ...args: Parameters<typeof minimize>) {
    const loss = minimize.apply(this, args);
    afterUpdate();
    return loss;
  };
}

/** Notes which stock optimizers make updates, until stopped; their counts of iterations are then as before. */
export function recordOptimizers(): { list: TracedOptimizer[]; stop: () => void } {
  const list: TracedOptimizer[] = [];
  const counts = new Map<StockOptimizer, number>();
  const listener: Listener = (optimizer) => counts.set(optimizer, (counts.get(optimizer) ?? 0) + 1);
  listeners.add(listener);
  return {
    list,
    stop: () => {
      listeners.delete(listener);
      for (const [optimizer, updates] of counts) {
        list.push({ optimizer, updates, learningRate: optimizer.learningRate });
        addIterations(optimizer, -updates);
      }
    },
  };
}

/** @throws Error when the learning rate is not the one that was compiled in */
export function checkOptimizers(traced: readonly TracedOptimizer[]): void {
  for (const { optimizer, learningRate } of traced) {
    if (optimizer.learningRate !== learningRate) {
      throw new Error(
        `jit: the learning rate of ${optimizer.getClassName()} changed from ${learningRate} to ${optimizer.learningRate}, but ` +
          'tfjs keeps it as a JavaScript number, which is a constant of the compiled function. Use RAdam or AdamW of ' +
          '@primal-attention/training, whose rate is a variable, or compile the function anew.',
      );
    }
  }
}

/** Keeps `optimizer.iterations` in step with the calls of a compiled function. */
export function countIterations(traced: readonly TracedOptimizer[]): void {
  for (const { optimizer, updates } of traced) addIterations(optimizer, updates);
}

function addIterations(optimizer: StockOptimizer, updates: number): void {
  optimizer.iterations_ = (optimizer.iterations_ ?? 0) + updates;
}
