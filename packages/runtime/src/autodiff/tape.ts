import * as tf from '@tensorflow/tfjs';

/*
 * tfjs's tape, as far as functions with a gradient of their own need it. `tf.customGrad` does not suffice: it knows one
 * output, and asks for the gradient of every input, also of those that lead to no variable (a mask that is compared,
 * say, has none).
 */

type Gradients = Record<string, () => tf.Tensor>;

/** A node as tfjs keeps it. Before the backward pass tfjs copies it with the inputs whose gradient is wanted. */
interface TapeNode {
  readonly id: number;
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  /** Disposed of with the tape. */
  readonly saved: readonly tf.Tensor[];
  readonly gradient: (this: TapeNode, dys: readonly (tf.Tensor | null)[]) => Gradients;
}

interface TapeState {
  gradientDepth: number;
  kernelDepth: number;
  nextTapeNodeId: number;
  activeTape: TapeNode[] | null | undefined;
}

interface GradientEngine {
  readonly state: TapeState;
  isTapeOn(): boolean;
  gradients(
    f: () => tf.Tensor,
    xs: readonly tf.Tensor[],
    dy: undefined,
    allowNoGradients: boolean,
  ): { value: tf.Tensor; grads: (tf.Tensor | undefined)[] };
}

function engine(): GradientEngine {
  return tf.engine() as unknown as GradientEngine;
}

/** True while operations are recorded for a gradient. */
export function tapeIsOn(): boolean {
  return engine().isTapeOn();
}

/** Runs `fn` outside the tape that is on, if any: nothing of it is recorded there, and it may have tapes of its own. */
export function withoutTape<R>(fn: () => R): R {
  const { state } = engine();
  const { gradientDepth, kernelDepth, activeTape } = state;
  state.gradientDepth = 0;
  state.kernelDepth = 0;
  state.activeTape = undefined;
  try {
    return fn();
  } catch (error) {
    // A tape of its own that was given up still keeps tensors; tfjs lets go of them only when all went well.
    for (const node of (state.activeTape as TapeState['activeTape']) ?? []) tf.dispose([...node.saved]);
    throw error;
  } finally {
    state.gradientDepth = gradientDepth;
    state.kernelDepth = kernelDepth;
    state.activeTape = activeTape;
  }
}

/** A computation that was done outside the tape, with its gradient. */
export interface Differentiable {
  /** For messages. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  /** Tensors that are nothing else: no inputs, no two the same. */
  readonly outputs: readonly tf.Tensor[];
  /** Kept tensors that the gradient reads; they are disposed of with the tape. */
  readonly saved: readonly tf.Tensor[];
  /**
   * Gradients of the inputs whose names are in `wanted`; an output's `dy` is null when nothing depends on it. It runs
   * outside the tape, so it has no gradient itself: asking for one is an error.
   */
  gradient(dys: readonly (tf.Tensor | null)[], wanted: ReadonlySet<string>): Record<string, tf.Tensor>;
}

/** Puts a computation on the tape that is on. */
export function addToTape(computation: Differentiable): void {
  const { name, inputs, outputs, saved } = computation;
  push(name, inputs, outputs, saved, function (dys) {
    const wanted = new Set(Object.keys(this.inputs));
    const gradients = withoutTape(() => computation.gradient(dys, wanted));
    if (tapeIsOn()) {
      const reads: Record<string, tf.Tensor> = { ...inputs };
      for (const [i, dy] of dys.entries()) if (dy !== null) reads[`dy${i}`] = dy;
      push(`${name}Gradient`, reads, Object.values(gradients), [], () => {
        throw new Error(
          `${name}: higher-order gradients (a gradient of its gradient) are not supported; take the inner gradient of a ` +
            `function without ${name}`,
        );
      });
    }
    return Object.fromEntries(Object.entries(gradients).map(([input, gradient]) => [input, () => gradient]));
  });
}

function push(
  kernelName: string,
  inputs: TapeNode['inputs'],
  outputs: TapeNode['outputs'],
  saved: TapeNode['saved'],
  gradient: TapeNode['gradient'],
): void {
  const { state } = engine();
  state.activeTape!.push({ id: state.nextTapeNodeId++, kernelName, inputs, outputs, saved, gradient });
}

/**
 * sum_k dy_k^T d(output_k)/dx for each x of `xs`: gradients of a function with several outputs, on a tape of their own.
 *
 * @param fn gives as many float32 tensors as there are `dys`
 * @returns a gradient per x, undefined where no output depends on it
 */
export function vectorJacobianProduct(
  fn: () => readonly tf.Tensor[],
  dys: readonly tf.Tensor[],
  xs: readonly tf.Tensor[],
): (tf.Tensor | undefined)[] {
  if (xs.length === 0) return [];
  return withoutTape(() => {
    const { value, grads } = engine().gradients(
      () => {
        const outputs = fn();
        // tfjs differentiates one result. This one stands for all: its gradient hands each output its dy.
        const all = tf.scalar(0);
        const inputs = Object.fromEntries(outputs.map((output, k) => [k, output]));
        push('Outputs', inputs, [all], [], () =>
          Object.fromEntries(dys.map((dy, k) => [k, () => tf.clone(dy)])),
        );
        return all;
      },
      xs,
      undefined,
      true,
    );
    value.dispose();
    return grads;
  });
}
