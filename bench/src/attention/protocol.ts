import type { LayerCase } from './settings.js';

/*
 * How the program that compares talks to ours and to the peer (peers/attention_jax.py), processes of their own: it writes
 * requests as lines of JSON, each of which is answered by one line.
 */

/** Makes, compiles and warms up a layer in place of the one before. */
export interface LoadRequest {
  readonly load: LayerCase;
  /** A safetensors file: ours writes what goes in and what came out, the peer reads it. */
  readonly file: string;
  /** Steps before the first that is timed. */
  readonly warmup: number;
}

/** Times one round. */
export interface RoundRequest {
  readonly steps: number;
  /** Steps between two reads of a loss; divides `steps`. */
  readonly stepsPerRead: number;
}

/** The answer to a request that could not be met. */
export interface Failure {
  readonly failure: string;
}

/** The answer to a {@link LoadRequest}. */
export interface Loaded {
  readonly loss: number;
  /** A step of the warm program, with a read. */
  readonly warmMs: number;
  /** Until the first loss, for the most part compilation. */
  readonly firstMs: number;
  /** Arguments + outputs - aliased + temporary of the compiled step. */
  readonly programBytes: number | null;
  readonly device: string;
  readonly versions: Record<string, string>;
  /** The peer's alone: how far it is from ours. */
  readonly errors?: Errors;
}

/** Differences between the two programs' first steps. */
export interface Errors {
  /** |difference| / sqrt(B N d): the size of the error of an output, if errors are independent. */
  readonly loss: number;
  /** ||difference|| / ||gradient||, the largest of all; norms below a hundredth of the largest count as that. */
  readonly gradient: number;
  /** Which gradient that is. */
  readonly of: string;
}
