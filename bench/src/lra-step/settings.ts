/** The paper's text task: what every program of a run computes a step of. */
export const textTask = {
  vocabulary: 512,
  classes: 2,
  dropout: 0.1,
  learningRate: 1e-4,
  epsilon: 1e-6,
  primal: { rank: 20, rankMultiplier: 10, eta: 0.05 },
} as const;

export const mechanisms = ['primal', 'softmax'] as const;
export const precisions = ['float32', 'tf32', 'bf16'] as const;
/** `xla-lazy` is the same backend without jit: each step is recorded anew and flushed. */
export const backends = ['xla', 'xla-lazy', 'tensorflow', 'wasm'] as const;
/**
 * Whether our model's blocks are computed by GPU kernels of our own. `off` is the model as the paper formulates it. `on` has, for
 * Primal, the kernels of the whole block, and for softmax fused softmax by its kernel, with mask and dropout; both have the kernel
 * of norm and feed-forward part.
 */
export const kernelForms = ['off', 'on'] as const;

export type Mechanism = (typeof mechanisms)[number];
export type Precision = (typeof precisions)[number];
export type Backend = (typeof backends)[number];
export type KernelForm = (typeof kernelForms)[number];

/** Whether a backend compiles, into a cache, instead of computing each operation when it is called. */
export function isXla(name: string): name is 'xla' | 'xla-lazy' {
  return name === 'xla' || name === 'xla-lazy';
}

/** What a precision is, where its name alone would be misread. */
export function describePrecision(precision: Precision): string {
  return precision === 'tf32' ? 'tf32 (float32 storage, TF32 products)' : precision;
}

/** What a program computes a step of, and how it is timed. */
export interface StepSettings {
  readonly mechanism: Mechanism;
  /** N. */
  readonly length: number;
  readonly batch: number;
  readonly precision: Precision;
  /** Steps a round. */
  readonly steps: number;
  /** Steps between two reads of a loss: 1, or more, so that the host runs ahead. Divides `steps`. */
  readonly stepsPerRead: number;
  /** Steps before the first round. */
  readonly warmup: number;
  readonly seed: number;
}

/** The same for one of our backends, which runs the model in one of its forms. */
export interface OwnSettings extends StepSettings {
  readonly kernels: KernelForm;
}
