import { type DataId, engine, type Tensor, Variable } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import type { DataValue } from '../graph/values.js';
import { elementOf, tensorType } from '../hlo/types.js';
import { refuseHostRandomness } from './host-randomness.js';
import { recordOptimizers, type TracedOptimizer } from './optimizers.js';
import { Trace } from './trace.js';
import { flatten, type TreeSpec, unflatten } from './tree.js';

export interface TracedFunction {
  readonly trace: Trace;
  readonly result: TreeSpec;
  readonly results: readonly DataValue[];
  readonly assigned: readonly { readonly variable: Variable; readonly value: DataValue }[];
  readonly created: readonly { readonly variable: Variable; readonly initial: DataValue }[];
  readonly optimizers: readonly TracedOptimizer[];
}

/**
 * Runs `fn` once with placeholders and records what it computes. Afterwards every variable is as it was before;
 * variables that `fn` made exist, with no contents yet.
 *
 * @throws whatever `fn` throws, with variables restored and those it made removed
 */
export function traceFunction(
  backend: XlaBackend,
  fn: (...args: never[]) => unknown,
  args: TreeSpec,
  tensors: readonly Tensor[],
): TracedFunction {
  const trace = new Trace();
  const before = new Map<Variable, DataId>();
  for (const variable of Object.values(engine().registeredVariables)) before.set(variable, variable.dataId);
  const created: { variable: Variable; initial: DataValue }[] = [];
  const optimizers = recordOptimizers();
  const undo = [
    interceptVariables((variable, initial) => created.push({ variable, initial: backend.operand(initial) })),
    interceptAssignments(),
    refuseHostRandomness(),
    () => optimizers.stop(),
  ];
  let traced: Pick<TracedFunction, 'result' | 'results' | 'assigned'> | undefined;
  backend.trace = trace;
  try {
    engine().tidy(() => {
      const placeholders = tensors.map((tensor, index) => {
        const element = elementOf(tensor.dtype);
        if (element === undefined)
          throw new Error(`jit: argument ${index} is a ${tensor.dtype} tensor, which cannot be compiled`);
        const parameter = trace.addInput(tensorType(element, tensor.shape), { kind: 'argument', index });
        return engine().makeTensorFromTensorInfo(backend.tensorInfo(parameter));
      });
      const returned = fn(...(unflatten(args, placeholders) as never[]));
      if (returned instanceof Promise) {
        throw new Error('jit: the function returned a promise; a compiled function must be synchronous');
      }
      const outputs: Tensor[] = [];
      const result = flatten(returned, outputs, 'tensor');
      const results = outputs.map((tensor) => backend.operand(tensor));
      const assigned = [...before.keys()]
        .filter((variable) => !variable.isDisposed && variable.dataId !== before.get(variable))
        .map((variable) => ({ variable, value: backend.operand(variable) }));
      traced = { result, results, assigned };
    });
  } catch (error) {
    for (const { variable } of created) variable.dispose();
    trace.discard();
    throw error;
  } finally {
    for (const step of undo) step();
    restoreVariables(before);
    backend.trace = undefined;
    removeDeferred(backend, trace);
  }
  return { trace, created, optimizers: optimizers.list, ...traced! };
}

/** Gives variables that were assigned during the trace their data back. */
export function restoreVariables(before: ReadonlyMap<Variable, DataId>): void {
  for (const [variable, dataId] of before) {
    if (variable.isDisposed || variable.dataId === dataId) continue;
    engine().disposeTensor(variable);
    variable.dataId = dataId;
    engine().incRef(variable, null as never);
  }
}

function removeDeferred(backend: XlaBackend, trace: Trace): void {
  for (const dataId of trace.deferred) {
    if (backend.refCount(dataId) > 0 || !backend.entries.has(dataId)) continue;
    backend.removeEntry(dataId, backend.entries.get(dataId));
    engine().removeDataId(dataId, backend);
  }
}

/** Reports each variable that is made, with its initial value. @returns how to stop */
function interceptVariables(report: (variable: Variable, initial: Tensor) => void): () => void {
  const target = engine();
  const make = target.makeVariable;
  target.makeVariable = function (this: typeof target, initialValue, ...rest) {
    const variable = make.call(this, initialValue, ...rest);
    report(variable as Variable, initialValue);
    return variable;
  };
  return () => {
    // The method is the prototype's; deleting the instance's own property brings it back.
    delete (target as { makeVariable?: unknown }).makeVariable;
  };
}

/**
 * Makes `variable.assign(tensor)` give the variable data of its own: when it shared that of another variable, or of a
 * tensor outside, nothing would tell them apart. @returns how to stop
 */
function interceptAssignments(): () => void {
  const { assign } = Variable.prototype;
  Variable.prototype.assign = function (this: Variable, value: Tensor) {
    const own = value.clone();
    assign.call(this, own);
    own.dispose();
  };
  return () => {
    Variable.prototype.assign = assign;
  };
}
