import { type Computed, type GoldenCase, goldenValue, type HostValues } from '@primal-attention/golden';
import { jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { Rates } from '../schedule.js';
import { AdamW } from './adamw.js';
import { goldenRates } from './golden-schedule.js';
import type { MomentOptimizer, MomentOptimizerOptions } from './moment-optimizer.js';
import { type NaiveSettings, naiveAdamW, naiveRAdam, naiveState } from './naive.js';
import { RAdam } from './radam.js';

interface Config {
  optimizer?: string;
  steps: number;
  lr: number;
  betas: [number, number];
  eps: number;
  weight_decay: number;
  degenerated_to_sgd?: boolean;
  objective: string;
}

/** Each rule twice: as users get it, and its formulas in float64. */
interface Rule {
  create: (options: MomentOptimizerOptions) => MomentOptimizer;
  naive: typeof naiveAdamW;
}

const adamw: Rule = { create: (options) => new AdamW(options), naive: naiveAdamW };
const radam: Rule = { create: (options) => new RAdam(options), naive: naiveRAdam };

/**
 * `optim.safetensors`: traces of optimizers, and of schedules alone.
 *
 * The float64 trace is compared with the formulas in float64 and, at the case's tolerance for float32, with the optimizer
 * itself, by formulas of tfjs and by its kernel where kernels run; the float32 trace with the optimizer. Rates are computed in float64 only.
 */
export function checkOptim(golden: GoldenCase): Computed {
  const { optimizer, steps } = golden.config as unknown as Config;
  const ratesAt = goldenRates(golden);
  if (optimizer === undefined) {
    const stored = golden.values.get('in.step');
    const count = goldenValue(golden, 'out.lr').shape[0];
    return rateValues(stored ? Array.from(stored.data, Number) : [...Array(count).keys()], ratesAt);
  }
  const rates = rateValues([...Array(steps).keys()], ratesAt);
  const exact = formulaTrace(golden, ratesAt);
  const single = [false, true].map((kernels) => optimizerTrace(golden, ratesAt, kernels));
  return Object.assign(
    {},
    rates,
    ...Object.entries(exact).map(([name, values]) => {
      const traces = single.map((trace) => trace[name]);
      return { [`out.${name}`]: [values, ...traces], [`out.${name}_f32`]: traces };
    }),
  ) as Computed;
}

type RatesAt = (step: number) => Required<Rates>;

function rateValues(steps: readonly number[], ratesAt: RatesAt): Record<string, HostValues> {
  const rates = steps.map(ratesAt);
  const shape = [steps.length];
  return {
    'out.lr': { shape, data: rates.map(({ learningRate }) => learningRate) },
    'out.beta1': { shape, data: rates.map(({ beta1 }) => beta1) },
  };
}

function ruleOf({ optimizer, weight_decay, degenerated_to_sgd }: Config): Rule {
  if (optimizer === 'AdamW' || (optimizer === 'Adam' && weight_decay === 0)) return adamw;
  // Without its first phase the official RAdam waits, and ours has no such form.
  if (optimizer === 'RAdam' && degenerated_to_sgd !== false) return radam;
  throw new Error(
    `there is no optimizer for ${JSON.stringify({ optimizer, weight_decay, degenerated_to_sgd })}; ` +
      'there are AdamW, Adam without weight decay, and RAdam that degenerates to SGD',
  );
}

/** f(x) = 1/2 (x - c)^T A (x - c) + quartic sum_i x_i^4, with x of n elements. */
interface Problem {
  n: number;
  matrix: ArrayLike<number>;
  centre: ArrayLike<number>;
  quartic: number;
  /** The x that the trace begins with. */
  start: Float64Array;
}

function problemOf(golden: GoldenCase): Problem {
  const { objective } = golden.config as unknown as Config;
  const [, factor] = /^f\(x\) = 1\/2 \(x-c\)\^T A \(x-c\) \+ (\S+) sum x_i\^4/.exec(objective) ?? [];
  const quartic = Number(factor);
  if (!Number.isFinite(quartic)) throw new Error(`the objective is none that is known: ${objective}`);
  const numbers = (name: string): Float64Array =>
    Float64Array.from(goldenValue(golden, name).data as Float64Array);
  const centre = numbers('in.c');
  const n = centre.length;
  return { n, matrix: numbers('in.A'), centre, quartic, start: numbers('out.params').subarray(0, n) };
}

/** The trace by the formulas, in float64. */
function formulaTrace(golden: GoldenCase, ratesAt: RatesAt): Record<string, HostValues> {
  const config = golden.config as unknown as Config;
  const { steps, betas, eps, weight_decay } = config;
  const { n, matrix, centre, quartic, start } = problemOf(golden);
  const settings: NaiveSettings = { beta2: betas[1], epsilon: eps, weightDecay: weight_decay };
  const { naive } = ruleOf(config);
  const state = naiveState(start);
  const [losses, gradients, params] = [[] as number[], [] as number[], [...start]];
  for (let step = 0; step < steps; step++) {
    const gradient = new Float64Array(n);
    let loss = 0;
    for (let i = 0; i < n; i++) {
      loss += quartic * state.x[i] ** 4;
      gradient[i] += 4 * quartic * state.x[i] ** 3;
      for (let j = 0; j < n; j++) {
        const [left, right] = [state.x[i] - centre[i], state.x[j] - centre[j]];
        const entry = matrix[i * n + j];
        loss += 0.5 * left * entry * right;
        gradient[i] += 0.5 * entry * right;
        gradient[j] += 0.5 * entry * left;
      }
    }
    losses.push(loss);
    gradients.push(...gradient);
    naive(state, gradient, ratesAt(step), settings);
    params.push(...state.x);
  }
  return {
    loss: { shape: [steps], data: losses },
    grad: { shape: [steps, n], data: gradients },
    params: { shape: [steps + 1, n], data: params },
    exp_avg: { shape: [n], data: state.m },
    exp_avg_sq: { shape: [n], data: state.v },
  };
}

/** The trace by the optimizer, in float32, with the gradients of the tape: a step as training compiles it. */
function optimizerTrace(golden: GoldenCase, ratesAt: RatesAt, kernels: boolean): Record<string, tf.Tensor> {
  const config = golden.config as unknown as Config;
  const { steps, lr, betas, eps, weight_decay } = config;
  const { n, quartic, ...problem } = problemOf(golden);
  const [matrix, centre] = [
    tf.tensor2d(Float32Array.from(problem.matrix), [n, n]),
    tf.tensor1d(Float32Array.from(problem.centre)),
  ];
  const x = tf.variable(tf.tensor1d(Float32Array.from(problem.start)));
  const optimizer = ruleOf(config).create({
    learningRate: lr,
    beta1: betas[0],
    beta2: betas[1],
    epsilon: eps,
    weightDecay: weight_decay,
    kernels,
  });
  optimizer.build({ x });
  const objective = (): tf.Scalar => {
    const offset = tf.reshape(tf.sub(x, centre), [n, 1]);
    const quadratic = tf.mul(0.5, tf.sum(tf.mul(offset, tf.matMul(matrix, offset))));
    return tf.add(quadratic, tf.mul(quartic, tf.sum(tf.square(tf.square(x)))));
  };
  const take = jit(() => {
    const { value, grads } = tf.variableGrads(objective, [x]);
    optimizer.applyGradients(grads);
    return { loss: value, gradient: grads[x.name] };
  });
  const [losses, gradients, params] = [[] as tf.Tensor[], [] as tf.Tensor[], [tf.clone(x)] as tf.Tensor[]];
  for (let step = 0; step < steps; step++) {
    Object.assign(optimizer, ratesAt(step));
    const { loss, gradient } = take();
    losses.push(loss);
    gradients.push(gradient);
    params.push(tf.clone(x));
  }
  const state = optimizer.state();
  return {
    loss: tf.stack(losses),
    grad: tf.stack(gradients),
    params: tf.stack(params),
    exp_avg: tf.clone(state['x/m']),
    exp_avg_sq: tf.clone(state['x/v']),
  };
}
