import {
  type DataId,
  engine,
  type Scalar,
  type Tensor,
  type TensorInfo,
  type Variable,
} from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import { extractProgram, type Program } from '../graph/program.js';
import { elementOf, type TensorType, tensorType } from '../hlo/types.js';
import { watchHostRandomness } from '../jit/host-randomness.js';
import { removeDeferred, restoreVariables, variablesNow } from '../jit/tracing.js';
import { BodyTrace } from './body-trace.js';
import { loopFragment } from './loop-fragment.js';

/** One step on placeholders; `index` is the place in the stacked arrays, an int32 scalar. */
export type LoopStep = (
  carry: Tensor[],
  slices: Tensor[],
  index: Scalar,
) => { readonly carry: readonly Tensor[]; readonly ys: readonly Tensor[] };

/**
 * Traces `step` once and records a loop over axis 0 of `xs`: one kernel of the graph, the lazy one or that of the trace
 * around it.
 *
 * @throws whatever `step` throws, with nothing recorded and variables as they were
 */
export function runLoop(
  backend: XlaBackend,
  step: LoopStep,
  init: readonly Tensor[],
  xs: readonly Tensor[],
  { length, reverse }: { readonly length: number; readonly reverse: boolean },
): { carry: Tensor[]; ys: Tensor[] } {
  backend.makeRoom();
  const parent = backend.trace;
  const trace = new BodyTrace(parent);
  const carryTypes = init.map((tensor) => storedType(backend, tensor, tensor.shape));
  const sliceTypes = xs.map((tensor) => storedType(backend, tensor, tensor.shape.slice(1)));
  try {
    const body = traceStep(backend, trace, step, carryTypes, sliceTypes);
    const form = { trips: length, reverse, carries: init.length, slices: xs.length };
    const captured = body.inputs.slice(1 + init.length + xs.length).map((input) => trace.outside(input));
    const operands = [...init, ...xs].map((tensor) => backend.operand(tensor));
    const values = backend.recordFragment(loopFragment(body, form), [...operands, ...captured]);
    const results = values.map((value) =>
      engine().makeTensorFromTensorInfo(backend.tensorInfo(value)),
    ) as Tensor[];
    return { carry: results.slice(0, init.length), ys: results.slice(init.length) };
  } finally {
    trace.discard();
    for (const node of trace.graph.nodes) for (const result of node.results) result.detach();
    removeDeferred(backend, trace, parent);
  }
}

/** The type of a part of a tensor as it is stored: float32 may be bf16. */
function storedType(backend: XlaBackend, tensor: Tensor, shape: readonly number[]): TensorType {
  const type = typeOf(tensor, shape);
  return backend.isNarrow(tensor) ? tensorType('bf16', type.shape) : type;
}

function typeOf(info: TensorInfo, shape: readonly number[]): TensorType {
  const element = elementOf(info.dtype);
  if (element === undefined) {
    throw new Error(
      `scan: a ${info.dtype} tensor [${info.shape}] cannot be part of a loop; float32, int32 and bool can`,
    );
  }
  return tensorType(element, shape);
}

function traceStep(
  backend: XlaBackend,
  trace: BodyTrace,
  step: LoopStep,
  carryTypes: readonly TensorType[],
  sliceTypes: readonly TensorType[],
): Program {
  const parent = backend.trace;
  const before = variablesNow();
  // Inside jit numbers that are drawn on the host are refused already.
  const unwatch = parent === undefined ? watchHostRandomness(backend, trace) : () => {};
  let body: Program | undefined;
  backend.trace = trace;
  try {
    engine().tidy(() => {
      const inputs = [tensorType('i32', []), ...carryTypes, ...sliceTypes].map((type) =>
        trace.addLoopInput(type),
      );
      const [index, ...rest] = inputs.map((input) =>
        engine().makeTensorFromTensorInfo(backend.tensorInfo(input)),
      ) as Tensor[];
      const { carry, ys } = step(
        rest.slice(0, carryTypes.length),
        rest.slice(carryTypes.length),
        index as Scalar,
      );
      refuseVariables(before);
      const outputs = [...carry, ...ys].map((tensor, i) => {
        typeOf(tensor, tensor.shape);
        const value = backend.operand(tensor);
        // A carry is stored in the same way at every step.
        const element = carryTypes[i]?.element;
        return element === 'f32' || element === 'bf16' ? backend.convert(value, element) : value;
      });
      body = extractProgram(trace.graph, outputs, inputs);
      trace.refuseRandomness(body);
    });
  } finally {
    unwatch();
    removeCreated(before);
    restoreVariables(before);
    backend.trace = parent;
  }
  return body!;
}

/** @throws Error when the step assigned or made variables: there is one trace of it, but many steps */
function refuseVariables(before: ReadonlyMap<Variable, DataId>): void {
  for (const variable of Object.values(engine().registeredVariables)) {
    const dataId = before.get(variable);
    if (dataId === undefined) {
      throw new Error(
        `scan: the function makes variable '${variable.name}'; make variables before the loop (a layer: call it once, or build it)`,
      );
    }
    if (variable.dataId !== dataId) {
      throw new Error(
        `scan: the function assigns variable '${variable.name}'; make its value part of the carry, and assign it after the loop`,
      );
    }
  }
}

function removeCreated(before: ReadonlyMap<Variable, DataId>): void {
  for (const variable of Object.values(engine().registeredVariables)) {
    if (!before.has(variable) && !variable.isDisposed) variable.dispose();
  }
}
