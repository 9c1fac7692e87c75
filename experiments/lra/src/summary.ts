import type { CommonSummary } from '@primal-attention/experiment';
import type { RunConfig } from './config.js';
import type { KernelSession } from './kernels.js';

/** An accuracy on the test set, in [0, 1], and how it was taken. */
export interface TestAccuracy {
  readonly accuracy: number;
  /** Test samples that were classified. */
  readonly samples: number;
  /** Completed steps of the weights. */
  readonly step: number;
}

/** What is kept of a finished run: `summary.json`. */
export interface RunSummary extends CommonSummary<RunConfig> {
  readonly parameters: number;
  /** What GPU kernels of our own its training had, of a run with kernels; a run without has none. */
  readonly kernels?: readonly KernelSession[];
  /** Samples of each set. */
  readonly samples: { readonly train: number; readonly dev: number; readonly test: number };
  readonly accuracy: {
    /** The best accuracy of the evaluations on the development set, and its step. */
    readonly dev: { readonly best: number; readonly step: number };
    /** The weights of that step, on whole batches of the test set: the published protocol. */
    readonly published: TestAccuracy;
    /** The weights at the end, on the whole test set, which chose nothing. */
    readonly lastCheckpoint: TestAccuracy;
    /** Both on further samples, each once, where the config asks for some. */
    readonly further?: { readonly published: TestAccuracy; readonly lastCheckpoint: TestAccuracy };
  };
  /** All sessions of a resumed run together. */
  readonly seconds: { readonly training: number; readonly evaluation: number };
}
