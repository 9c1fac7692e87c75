import { Variable } from '@tensorflow/tfjs-core';
import type { DataValue } from '../graph/values.js';
import type { ProductPrecision } from '../hlo/function-builder.js';
import { floatPlan, narrowPlan, type StoragePlan, storagePolicy } from './storage-policy.js';

export type MatmulPrecision = 'float32' | 'tf32' | 'bf16';
export type AutocastPrecision = 'float32' | 'bf16';

/** What code has asked of the kernels that it calls now. */
export class Precision {
  /** True on devices whose products of float32 are exact anyway. */
  readonly #exact: boolean;
  matmul: MatmulPrecision;
  autocast: AutocastPrecision | undefined;
  /** Whether anything was ever stored as bf16: until then nobody need look. */
  narrowed = false;

  /** @param platform PJRT's name of the platform */
  constructor(platform: string) {
    this.#exact = platform === 'cpu';
    this.matmul = this.#exact ? 'float32' : 'tf32';
  }

  /** Equal for equal settings: part of the key of a compiled function. */
  get key(): string {
    return `${this.matmul}/${this.autocast ?? ''}`;
  }

  get settings(): Pick<Precision, 'matmul' | 'autocast'> {
    return { matmul: this.matmul, autocast: this.autocast };
  }

  get #products(): ProductPrecision {
    if (this.matmul === 'bf16') return 'bf16';
    return this.matmul === 'float32' && !this.#exact ? 'highest' : 'default';
  }

  /**
   * How to write a kernel; undefined for as it stands, which is almost always.
   *
   * A kernel with a bf16 operand goes by its policy, wherever it runs: gradients run outside the autocast. Inside, products
   * bring float32 into bf16, and so do look-ups in a variable (embeddings).
   */
  plan(kernel: string, operands: readonly DataValue[], first: unknown): StoragePlan | undefined {
    const products = this.#products;
    if (this.autocast !== 'bf16' && !this.narrowed && products === 'default') return undefined;
    const policy = storagePolicy(kernel);
    if (policy === 'own') return undefined;
    const enters =
      this.autocast === 'bf16' &&
      (policy === 'product' || (kernel === 'GatherV2' && first instanceof Variable));
    const isNarrow = this.narrowed && operands.some(({ type }) => type.element === 'bf16');
    if (isNarrow || enters) {
      const allNarrow = operands.every(({ type }) => type.element !== 'f32');
      const plan = narrowPlan(kernel, policy, products, allNarrow);
      if (plan.results === 'bf16') this.narrowed = true;
      return plan;
    }
    return products === 'default' ? undefined : floatPlan(products);
  }

  /** Runs `fn` with other settings. @throws Error when `fn` returns a promise, whose work would run without them */
  within<R>(settings: Partial<Pick<Precision, 'matmul' | 'autocast'>>, caller: string, fn: () => R): R {
    const { matmul, autocast } = this;
    Object.assign(this, settings);
    try {
      const result = fn();
      if (typeof (result as { then?: unknown } | undefined)?.then === 'function') {
        throw new Error(`${caller}: the function returned a promise; it must be synchronous`);
      }
      return result;
    } finally {
      this.matmul = matmul;
      this.autocast = autocast;
    }
  }
}
