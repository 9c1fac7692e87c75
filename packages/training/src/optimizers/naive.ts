/** The optimizers once more, in float64 on the host and straight from the formulas: what the graph versions must equal. */

export interface NaiveSettings {
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

export interface NaiveState {
  step: number;
  readonly x: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

export function naiveState(x: ArrayLike<number>): NaiveState {
  return { step: 0, x: Float64Array.from(x), m: new Float64Array(x.length), v: new Float64Array(x.length) };
}

function updateMoments(state: NaiveState, gradient: ArrayLike<number>, beta1: number, beta2: number): void {
  state.step++;
  for (let i = 0; i < state.x.length; i++) {
    state.m[i] = beta1 * state.m[i] + (1 - beta1) * gradient[i];
    state.v[i] = beta2 * state.v[i] + (1 - beta2) * gradient[i] ** 2;
  }
}

export function naiveAdamW(
  state: NaiveState,
  gradient: ArrayLike<number>,
  { learningRate, beta1 }: { learningRate: number; beta1: number },
  { beta2, epsilon, weightDecay }: NaiveSettings,
): void {
  updateMoments(state, gradient, beta1, beta2);
  const { step, x, m, v } = state;
  for (let i = 0; i < x.length; i++) {
    const denominator = Math.sqrt(v[i] / (1 - beta2 ** step)) + epsilon;
    x[i] =
      x[i] * (1 - learningRate * weightDecay) - (learningRate / (1 - beta1 ** step)) * (m[i] / denominator);
  }
}

export function naiveLength(beta2: number, step: number): number {
  return 2 / (1 - beta2) - 1 - (2 * step * beta2 ** step) / (1 - beta2 ** step);
}

/** The factor r of RAdam; undefined in the first phase. */
export function naiveRectification(beta2: number, step: number): number | undefined {
  const limit = 2 / (1 - beta2) - 1;
  const length = naiveLength(beta2, step);
  if (length < 5) return undefined;
  const share = ((length - 4) / (limit - 4)) * ((length - 2) / length) * (limit / (limit - 2));
  return Math.sqrt((1 - beta2 ** step) * share);
}

export function naiveRAdam(
  state: NaiveState,
  gradient: ArrayLike<number>,
  { learningRate, beta1 }: { learningRate: number; beta1: number },
  { beta2, epsilon, weightDecay }: NaiveSettings,
): void {
  updateMoments(state, gradient, beta1, beta2);
  const { step, x, m, v } = state;
  const size = learningRate / (1 - beta1 ** step);
  const rectification = naiveRectification(beta2, step);
  for (let i = 0; i < x.length; i++) {
    const change =
      rectification === undefined ? size * m[i] : (size * rectification * m[i]) / (Math.sqrt(v[i]) + epsilon);
    x[i] = x[i] * (1 - learningRate * weightDecay) - change;
  }
}
