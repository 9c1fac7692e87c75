import * as tf from '@tensorflow/tfjs';
import { keepCopies } from '../autodiff/captured.js';
import { addToTape, tapeIsOn, vectorJacobianProduct, withoutTape } from '../autodiff/tape.js';
import { runListKernel } from '../backend-kernel.js';
import { storedLike } from '../precision.js';
import { tileKernel, tileKernelRefusal } from './backend.js';
import { chooseTile, type TileCandidates } from './choose.js';
import { checkArrays, type TileProgram } from './program.js';

/** What the gradient of a {@link tileCall} is computed from. */
export interface TileGradientInputs {
  /** The gradient of each output, null where nothing depends on it. */
  readonly dys: readonly (tf.Tensor | null)[];
  /** The call's inputs. */
  readonly inputs: readonly tf.Tensor[];
  /** What the kernel read: the inputs, or what `operands` made of them. */
  readonly operands: readonly tf.Tensor[];
  /** What the kernel wrote, also what `finish` did not hand on. */
  readonly results: readonly tf.Tensor[];
  /** Whether each input's gradient is needed. */
  readonly wanted: readonly boolean[];
  /** The gradients by the plain formulation, which is computed again: what a kernel of the gradient has as its own `plain`. */
  readonly plain: () => (tf.Tensor | null)[];
}

/** How a {@link tileCall} is computed besides by its kernel. */
export interface TileCallOptions {
  /**
   * The same outputs from operations of tfjs, differentiable by tfjs: what runs where kernels do not. It must read its
   * arguments alone, since gradients reach those alone.
   */
  readonly plain: (...inputs: tf.Tensor[]) => tf.Tensor[];
  /**
   * The gradient of each input, null for none; it may call kernels itself. Without it, the gradient is that of `plain`,
   * which is computed again for it.
   */
  readonly gradient?: (of: TileGradientInputs) => (tf.Tensor | null)[];
  /** The kernel's operands from the call's inputs, such as weights that are packed. Without it, they are the inputs. */
  readonly operands?: (...inputs: tf.Tensor[]) => tf.Tensor[];
  /** The call's outputs from the kernel's results, such as sums of partial sums. Without it, they are the results. */
  readonly finish?: (results: tf.Tensor[]) => tf.Tensor[];
}

/**
 * outputs = finish(kernel(operands(inputs))), by a GPU kernel inside the program, with a gradient of its own; where kernels do not run
 * ({@link tileKernelRefusal}), outputs = plain(inputs).
 *
 * ```ts
 * const [sum] = tileCall(addProgram([4096, 64]), [x, y], {
 *   plain: (x, y) => [tf.add(x, y)],
 *   gradient: ({ dys: [dy] }) => [dy, dy],
 * });
 * ```
 *
 * - Inside `jit` the kernel is one operation of the program; outside it runs with what else is pending. It works in `scan`
 *   and `checkpoint`, and {@link costOf} counts what the program says of itself.
 * - A float array may be `bfloat16`: an input stored so by `autocast` is taken as it is, another one is converted. Results
 *   are stored as the kernel writes them, with or without an autocast (float16 becomes float32), and the gradient of an input
 *   is stored as the input is. tfjs sees float32 everywhere.
 * - int32 inputs have no gradient. Higher-order gradients are an error where the kernel runs.
 * - A kernel that the plugin cannot compile is the plugin's error; among several candidates it is passed over.
 *
 * @param program the kernel, or ways to launch it, of which {@link chooseTile} takes one
 * @throws Error that names the kernel and the first tensor that does not fit
 */
export function tileCall(
  program: TileProgram | TileCandidates,
  inputs: readonly tf.Tensor[],
  options: TileCallOptions,
): tf.Tensor[] {
  const fixed = 'candidates' in program ? undefined : program;
  // Also where it will not run: a mistake must show on every machine.
  if (fixed !== undefined && options.operands === undefined) checkArrays(fixed, 'operand', inputs);
  const chosen =
    tileKernelRefusal() === undefined ? (fixed ?? chooseTile(program as TileCandidates)?.program) : undefined;
  if (chosen !== undefined) return callKernel(chosen, inputs, options);
  const outputs = tf.tidy(() => options.plain(...inputs));
  if (fixed !== undefined && options.finish === undefined) checkArrays(fixed, 'result', outputs);
  return outputs;
}

function callKernel(
  program: TileProgram,
  inputs: readonly tf.Tensor[],
  { plain, gradient, operands: operandsOf, finish }: TileCallOptions,
): tf.Tensor[] {
  const run = (): { operands: readonly tf.Tensor[]; results: tf.Tensor[]; outputs: tf.Tensor[] } => {
    const operands = operandsOf?.(...inputs) ?? inputs;
    checkArrays(program, 'operand', operands);
    const results = runListKernel(tileKernel, operands, { program });
    return { operands, results, outputs: finish?.(results) ?? results };
  };
  if (!tapeIsOn()) return tf.tidy(() => run().outputs);

  const { outputs, saved } = withoutTape(() =>
    tf.tidy(() => {
      const { operands, results, outputs } = run();
      return {
        // Clones: an output may stand in two places, or be kept for the gradient, and the tape must tell them apart.
        outputs: outputs.map((tensor) => tf.clone(tensor)),
        saved: keepCopies([...inputs, ...results, ...(operands === inputs ? [] : operands)]),
      };
    }),
  );
  const savedInputs = saved.slice(0, inputs.length);
  const savedResults = saved.slice(inputs.length, inputs.length + program.results.length);
  const savedOperands =
    operandsOf === undefined ? savedInputs : saved.slice(inputs.length + program.results.length);
  const nameOf = (i: number): string => `input${i}`;
  addToTape({
    name: `tileCall of kernel '${program.name}'`,
    inputs: Object.fromEntries(
      inputs.flatMap((tensor, i) => (tensor.dtype === 'float32' ? [[nameOf(i), tensor]] : [])),
    ),
    outputs,
    saved,
    gradient(dys, names) {
      const wanted = inputs.map((_, i) => names.has(nameOf(i)));
      const plainGradient = () => gradientOf(plain, savedInputs, dys, wanted);
      return tf.tidy(() => {
        const given =
          gradient === undefined
            ? plainGradient()
            : gradient({
                dys,
                inputs: savedInputs,
                operands: savedOperands,
                results: savedResults,
                wanted,
                plain: plainGradient,
              });
        checkGradients(program, inputs, given);
        return Object.fromEntries(
          wanted.flatMap((isWanted, i) =>
            isWanted ? [[nameOf(i), asGradient(given[i], savedInputs[i])]] : [],
          ),
        );
      });
    },
  });
  return outputs;
}

/** A tensor that is nothing else, since tfjs may dispose of it when it adds another gradient. */
function asGradient(given: tf.Tensor | null, input: tf.Tensor): tf.Tensor {
  return given === null ? tf.zerosLike(input) : tf.clone(storedLike(given, input));
}

/** The gradients of the wanted inputs of `fn`, null for the others. */
function gradientOf(
  fn: TileCallOptions['plain'],
  inputs: readonly tf.Tensor[],
  dys: readonly (tf.Tensor | null)[],
  wanted: readonly boolean[],
): (tf.Tensor | null)[] {
  const places = dys.flatMap((dy, i) => (dy === null ? [] : [i]));
  const gradients = vectorJacobianProduct(
    () => {
      const outputs = fn(...inputs);
      return places.map((i) => outputs[i]);
    },
    places.map((i) => dys[i]!),
    inputs.filter((_, i) => wanted[i]),
  );
  return wanted.map((isWanted) => (isWanted ? (gradients.shift() ?? null) : null));
}

/** @throws Error that names the first gradient that is not of its input's shape */
function checkGradients(
  { name }: TileProgram,
  inputs: readonly tf.Tensor[],
  gradients: readonly (tf.Tensor | null)[],
): void {
  if (gradients.length !== inputs.length) {
    throw new Error(
      `tileCall: the gradient of kernel '${name}' must be a list of ${inputs.length}, one for each input, got ${gradients.length}`,
    );
  }
  for (const [i, gradient] of gradients.entries()) {
    if (gradient === null || tf.util.arraysEqual(gradient.shape, inputs[i].shape)) continue;
    throw new Error(
      `tileCall: the gradient of kernel '${name}' in input ${i} must have its shape [${inputs[i].shape}], got [${gradient.shape}]`,
    );
  }
}
