import { engine, registerGradient, type Tensor, Variable } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';

/** A kernel of ours that changes how a float tensor is stored. Attribute `element`: `f32` or `bf16`. */
export const storeFloat = 'StoreFloat';

/** The tensor itself, or a float32 copy of one that is stored as bf16; on the tape, if there is one. */
export function widen<T extends Tensor>(tensor: T): T {
  return engine().runKernel(storeFloat, { x: tensor }, { element: 'f32' } as never) as T;
}

type GradientFunction = (dy: unknown, saved: Tensor[], attrs: unknown) => Record<string, () => Tensor>;
type AddTapeNode = (
  kernelName: string,
  inputs: Record<string, Tensor>,
  outputs: Tensor[],
  gradientsFunc: GradientFunction | undefined,
  saved: Tensor[],
  attrs: unknown,
) => void;
interface TapeNode {
  gradient?: (dys: Tensor[]) => Record<string, () => Tensor>;
}

let installed = false;

/**
 * Keeps two promises that tfjs's tape cannot, since it does not know how tensors are stored:
 *
 * - the gradient of a tensor is stored as the tensor is. So the backward pass through bf16 activations is bf16, although
 *   it runs after the autocast, and the gradient of a float32 weight is float32;
 * - variables are float32.
 *
 * @param current the backend in use, if it is ours
 */
export function watchStorage(current: () => XlaBackend | undefined): void {
  if (installed) return;
  installed = true;
  // The kernel's gradient only passes on; the tape below stores it as the input is stored.
  registerGradient({
    kernelName: storeFloat,
    gradFunc: (dy) => ({ x: () => (dy as Tensor).clone() }),
  });

  type Engine = ReturnType<typeof engine>;
  // On the prototype: a trace puts a method of its own on the engine, and takes it away again.
  const prototype = Object.getPrototypeOf(engine()) as {
    addTapeNode: AddTapeNode;
    makeVariable: Engine['makeVariable'];
  };
  const { addTapeNode, makeVariable } = prototype;
  prototype.addTapeNode = function (this: { state: { activeTape: TapeNode[] } }, ...args) {
    const [, inputs, outputs] = args;
    addTapeNode.apply(this as never, args);
    const backend = current();
    if (backend === undefined || !backend.precision.narrowed) return;
    const isNarrow = (tensor: Tensor | undefined): boolean => tensor != null && backend.isNarrow(tensor);
    if (!Object.values(inputs).some(isNarrow) && !outputs.some(isNarrow)) return;
    const node = this.state.activeTape.at(-1)!;
    const { gradient } = node;
    if (gradient === undefined) return;
    // Looked up now: the tensors may be gone when the gradient is taken.
    const elements = new Map(
      Object.entries(inputs).map(([name, tensor]) => [name, isNarrow(tensor) ? 'bf16' : 'f32']),
    );
    node.gradient = (dys) =>
      Object.fromEntries(
        Object.entries(gradient(dys)).map(([name, compute]) => [
          name,
          (): Tensor => store(backend, compute(), elements.get(name)),
        ]),
      );
  };

  const wide = <R>(tensor: Tensor, use: (float32: Tensor) => R): R => {
    if (current()?.isNarrow(tensor) !== true) return use(tensor);
    const copy = widen(tensor);
    const result = use(copy);
    copy.dispose();
    return result;
  };
  prototype.makeVariable = function (this: Engine, initialValue, ...rest) {
    return wide(initialValue, (value) => makeVariable.call(this, value, ...rest));
  };
  const { assign } = Variable.prototype;
  Variable.prototype.assign = function (this: Variable, newValue: Tensor) {
    wide(newValue, (value) => assign.call(this, value));
  };
}

function store(backend: XlaBackend, gradient: Tensor, element: string | undefined): Tensor {
  if (gradient.dtype !== 'float32' || backend.isNarrow(gradient) === (element === 'bf16')) return gradient;
  return engine().runKernel(storeFloat, { x: gradient }, { element } as never) as Tensor;
}
