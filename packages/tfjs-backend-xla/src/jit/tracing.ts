import { cast, type DataId, engine, type Tensor, Variable } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import type { DataValue } from '../graph/values.js';
import { elementOf, tensorType } from '../hlo/types.js';
import { watchHostRandomness } from './host-randomness.js';
import { recordOptimizers, type TracedOptimizer } from './optimizers.js';
import { Trace } from './trace.js';
import { flatten, leavesOf, pathOf, type TreeSpec, unflatten } from './tree.js';

/** A variable that the function made, with its initial value, a value of the trace. */
export interface CreatedVariable {
  readonly variable: Variable;
  readonly initial: DataValue;
}

/** A trace that `fn` ended by an error. */
export interface FailedTrace {
  readonly trace: Trace;
  readonly created: readonly CreatedVariable[];
  readonly failure: { readonly error: unknown };
}

export interface TracedFunction {
  readonly trace: Trace;
  readonly result: TreeSpec;
  readonly results: readonly DataValue[];
  readonly assigned: readonly { readonly variable: Variable; readonly value: DataValue }[];
  readonly created: readonly CreatedVariable[];
  readonly optimizers: readonly TracedOptimizer[];
  readonly failure?: undefined;
}

/**
 * Runs `fn` once with placeholders and records what it computes. Afterwards every variable is as it was before;
 * variables that `fn` made and did not dispose exist, with no contents yet. The same holds when `fn` throws; tensors
 * that it kept are disposed then.
 */
export function traceFunction(
  backend: XlaBackend,
  fn: (...args: never[]) => unknown,
  args: TreeSpec,
  tensors: readonly Tensor[],
): TracedFunction | FailedTrace {
  const trace = new Trace();
  const before = variablesNow();
  const made: CreatedVariable[] = [];
  const tracked: Tensor[] = [];
  const optimizers = recordOptimizers();
  const undo = [
    interceptVariables((variable, initial) => made.push({ variable, initial: backend.operand(initial) })),
    interceptAssignments(),
    recordTensors(tracked),
    watchHostRandomness(backend, trace),
    () => optimizers.stop(),
  ];
  let failure: FailedTrace['failure'] | undefined;
  let traced: Pick<TracedFunction, 'result' | 'results' | 'assigned'> | undefined;
  backend.trace = trace;
  try {
    engine().tidy(() => {
      const placeholders = tensors.map((tensor, index) => {
        const element = elementOf(tensor.dtype);
        if (element === undefined) {
          const path = pathOf(args, (leaf) => leaf.kind === 'tensor' && leaf.index === index);
          throw new Error(`jit: ${path} is a ${tensor.dtype} tensor, which cannot be compiled`);
        }
        const parameter = trace.addInput(tensorType(element, tensor.shape), { kind: 'argument', index });
        return engine().makeTensorFromTensorInfo(backend.tensorInfo(parameter));
      });
      const returned = fn(...(unflatten(args, placeholders) as never[]));
      const outputs: Tensor[] = [];
      const result = flatten(returned, outputs, 'tensor');
      for (const [, leaf] of leavesOf(result)) {
        if (leaf.kind === 'static' && leaf.value instanceof Promise) {
          throw new Error('jit: the function returned a promise; a compiled function must be synchronous');
        }
      }
      const results = outputs.map((tensor) => backend.operand(tensor));
      const assigned = [...before.keys()]
        .filter((variable) => !variable.isDisposed && variable.dataId !== before.get(variable))
        .map((variable) => ({ variable, value: backend.operand(variable) }));
      traced = { result, results, assigned };
    });
  } catch (error) {
    failure = { error };
  } finally {
    for (const step of undo) step();
    restoreVariables(before);
    backend.trace = undefined;
    removeDeferred(backend, trace);
  }
  const created = made.filter(({ variable }) => !variable.isDisposed);
  if (failure !== undefined) {
    for (const tensor of tracked) {
      if (!tensor.isDisposed && isOfTrace(backend, trace, tensor)) tensor.dispose();
    }
    return { trace, created, failure };
  }
  return { trace, created, optimizers: optimizers.list, ...traced! };
}

function isOfTrace(backend: XlaBackend, trace: Trace, { dataId }: Tensor): boolean {
  if (!backend.entries.has(dataId)) return false;
  const { value } = backend.entries.get(dataId);
  return value !== undefined && trace.owns(value);
}

/** All variables, with the data that they have. */
export function variablesNow(): Map<Variable, DataId> {
  return new Map(Object.values(engine().registeredVariables).map((variable) => [variable, variable.dataId]));
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

/** Removes the data that lost its last tensor during a trace, unless the trace around it defers that too. */
export function removeDeferred(backend: XlaBackend, trace: Trace, around?: Trace): void {
  for (const dataId of trace.deferred) {
    if (backend.refCount(dataId) > 0 || !backend.entries.has(dataId)) continue;
    const entry = backend.entries.get(dataId);
    if (around?.defersDisposal(dataId, entry.value)) continue;
    backend.removeEntry(dataId, entry);
    engine().removeDataId(dataId, backend);
  }
}

/** Reports each variable that is made, with its initial value. @returns how to stop */
function interceptVariables(report: (variable: Variable, initial: Tensor) => void): () => void {
  const target = engine();
  const make = target.makeVariable;
  target.makeVariable = function (this: typeof target, initialValue, trainable, name, dtype) {
    const initial = dtype == null ? initialValue : cast(initialValue, dtype);
    const variable = make.call(this, initial, trainable, name);
    report(variable as Variable, initial);
    return variable;
  };
  return () => {
    // The method is the prototype's; deleting the instance's own property brings it back.
    delete (target as { makeVariable?: unknown }).makeVariable;
  };
}

/** Lists the tensors that are made, but for variables. @returns how to stop */
function recordTensors(list: Tensor[]): () => void {
  const target = engine() as unknown as { trackTensor(tensor: Tensor, backend: unknown): void };
  const track = target.trackTensor;
  target.trackTensor = function (this: typeof target, tensor, backend) {
    track.call(this, tensor, backend);
    if (!(tensor instanceof Variable)) list.push(tensor);
  };
  return () => {
    delete (target as { trackTensor?: unknown }).trackTensor;
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
