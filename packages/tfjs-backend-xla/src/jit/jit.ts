import type { Executable } from '@primal-attention/pjrt';
import { engine, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import { emitModule, extractProgram } from '../graph/program.js';
import { type ProgramCost, programCost } from '../graph/program-cost.js';
import { DataValue } from '../graph/values.js';
import { sameShape, tensorType } from '../hlo/types.js';
import { checkOptimizers, countIterations, type TracedOptimizer } from './optimizers.js';
import type { Source } from './trace.js';
import { type TracedFunction, traceFunction } from './tracing.js';
import { flatten, type TreeSpec, treeKey, unflatten } from './tree.js';

/** A function compiled for one signature. */
interface CompiledFunction {
  readonly executable: Executable;
  readonly cost: ProgramCost;
  readonly sources: readonly Source[];
  /** Inputs that may be donated: positions whose variable the function assigns. */
  readonly donated: readonly number[];
  readonly assigned: readonly Variable[];
  readonly result: TreeSpec;
  readonly resultTypes: readonly DataValue['type'][];
  readonly optimizers: readonly TracedOptimizer[];
}

/** A compiled function: callable, and open to analysis. */
export type Compiled<A extends unknown[], R> = ((...args: A) => R) & {
  /** The program for arguments like these, compiled if need be but not run. */
  programFor(args: A): { readonly executable: Executable; readonly cost: ProgramCost };
};

/** The backend's `jit`; its contract is in @primal-attention/runtime. */
export function compileFunction<A extends unknown[], R>(
  backend: XlaBackend,
  fn: (...args: A) => R,
): Compiled<A, R> {
  const compiled = new Map<string, CompiledFunction>();
  const programFor = (args: A): { program: CompiledFunction; tensors: Tensor[] } => {
    const tensors: Tensor[] = [];
    const spec = flatten(args, tensors);
    const key = `${treeKey(spec, tensors)}|${backend.precision.key}`;
    let program = compiled.get(key);
    if (program === undefined) {
      program = compile(backend, fn as (...args: never[]) => unknown, spec, tensors, compiled.size === 0);
      compiled.set(key, program);
    }
    return { program, tensors };
  };
  const call = (...args: A): R => {
    // Inside another trace the function is part of that one; under a gradient tape its kernels must reach the tape.
    if (backend.tracing || tapeIsOn()) return fn(...args);
    const { program, tensors } = programFor(args);
    return run(backend, program, tensors) as R;
  };
  return Object.assign(call, { programFor: (args: A) => programFor(args).program });
}

function compile(
  backend: XlaBackend,
  fn: (...args: never[]) => unknown,
  spec: TreeSpec,
  tensors: readonly Tensor[],
  first: boolean,
): CompiledFunction {
  backend.flush();
  let traced = traceFunction(backend, fn, spec, tensors);
  if (traced.created.length > 0) {
    const names = traced.created.map(({ variable }) => variable.name).join(', ');
    if (!first) {
      refuse(
        traced,
        `jit: the function made variables (${names}) when it was traced for another signature. Variables may be made ` +
          'the first time only; make them before, outside the function.',
      );
    }
    initialiseVariables(backend, traced, tensors);
    traced.trace.discard();
    traced = traceFunction(backend, fn, spec, tensors);
    if (traced.created.length > 0) {
      refuse(
        traced,
        `jit: the function makes new variables (${names}) each time it runs. Make them once: before the function is ` +
          'compiled, or on its first run.',
      );
    }
  }
  const { trace, results, assigned } = traced;
  const outputs = [...results, ...assigned.map(({ value }) => value)];
  const program = extractProgram(
    trace.graph,
    outputs,
    trace.inputs.map(({ parameter }) => parameter),
  );
  const donations = new Map<number, number>();
  const sources = trace.inputs.map(({ source }) => source);
  for (const [i, source] of sources.entries()) {
    if (source.kind !== 'variable') continue;
    const index = assigned.findIndex(({ variable }) => variable === source.variable);
    if (index >= 0 && assigned[index].value.type === trace.inputs[i].parameter.type) {
      donations.set(i, results.length + index);
    }
  }
  const executable = backend.executables.compile(emitModule(program, donations));
  for (const node of trace.graph.nodes) for (const result of node.results) result.detach();
  return {
    executable,
    cost: programCost(program),
    sources,
    donated: [...donations.keys()],
    assigned: assigned.map(({ variable }) => variable),
    result: traced.result,
    resultTypes: results.map((value) => value.type),
    optimizers: traced.optimizers,
  };
}

/** Gives up a trace, with the variables that it made. */
function refuse({ created, trace }: TracedFunction, message: string): never {
  for (const { variable } of created) variable.dispose();
  trace.discard();
  throw new Error(message);
}

/** Computes the initial values of variables that the first trace made, so that the second can read them. */
function initialiseVariables(backend: XlaBackend, traced: TracedFunction, tensors: readonly Tensor[]): void {
  const { trace, created } = traced;
  const outputs = created.map(({ initial }) => initial);
  const program = extractProgram(trace.graph, outputs);
  const executable = backend.executables.compile(emitModule(program));
  const list = executable.argumentList(program.inputs.length);
  for (const [i, input] of program.inputs.entries()) {
    const { source } = trace.inputs.find(({ parameter }) => parameter === input)!;
    list[i] = backend.deviceBuffer(readSource(backend, source, tensors)).handle;
  }
  const handles = executable.execute();
  for (const [i, { variable, initial }] of created.entries()) {
    assignBuffer(backend, variable, handles[i], initial.type);
  }
  executable.dispose();
}

function run(backend: XlaBackend, program: CompiledFunction, tensors: readonly Tensor[]): unknown {
  checkOptimizers(program.optimizers);
  const { executable, sources } = program;
  const list = executable.argumentList(sources.length);
  const values = new Array<DataValue>(sources.length);
  const used = new Set<DataValue>();
  for (let i = 0; i < sources.length; i++) {
    const value = readSource(backend, sources[i], tensors);
    values[i] = value;
    if (sources[i].kind !== 'variable') used.add(value);
    list[i] = backend.deviceBuffer(value).handle;
  }
  const kept: number[] = [];
  for (const i of program.donated) {
    const { variable } = sources[i] as Extract<Source, { kind: 'variable' }>;
    const { refCount, value } = backend.entries.get(variable.dataId);
    const exclusive = refCount === 1 && value === values[i] && value.holders === 1;
    if (!exclusive || used.has(value)) kept.push(i);
  }
  const handles = executable.execute(kept);
  const resultCount = program.resultTypes.length;
  // The list of handles is the executable's own: nothing below runs it again before they are all taken.
  for (let i = 0; i < program.assigned.length; i++) {
    updateVariable(backend, program.assigned[i], handles[resultCount + i]);
  }
  countIterations(program.optimizers);
  const results = program.resultTypes.map((type, i) => {
    const value = new DataValue(type);
    value.buffer = backend.adopt(handles[i], type);
    return engine().makeTensorFromTensorInfo(backend.tensorInfo(value));
  });
  return unflatten(program.result, results);
}

function readSource(backend: XlaBackend, source: Source, tensors: readonly Tensor[]): DataValue {
  let value: DataValue | undefined;
  switch (source.kind) {
    case 'literal':
      return source.value;
    case 'argument': {
      const tensor = tensors[source.index];
      if (tensor.isDisposed)
        throw new Error(`jit: argument ${source.index} (${tensor.dtype} [${tensor.shape}]) is disposed`);
      value = inShape(backend, wide(backend, backend.entries.get(tensor.dataId).value!), tensor.shape);
      break;
    }
    case 'variable':
      if (source.variable.isDisposed) {
        throw new Error(`jit: variable '${source.variable.name}', which the function reads, is disposed`);
      }
      value = inShape(backend, backend.entries.get(source.variable.dataId).value!, source.variable.shape);
      break;
    case 'captured':
      if (!backend.entries.has(source.dataId)) {
        throw new Error(
          `jit: a tensor (${source.description}) that the function captured is disposed; keep it (tf.keep), or pass it as an argument`,
        );
      }
      value = backend.entries.get(source.dataId).value;
      break;
  }
  if (value!.pending) backend.flush();
  return value!;
}

/** Arguments are float32: one that an autocast stored as bf16 is converted. */
function wide(backend: XlaBackend, value: DataValue): DataValue {
  return value.type.element === 'bf16' ? backend.materialise(backend.convert(value, 'f32')) : value;
}

function inShape(backend: XlaBackend, value: DataValue, shape: readonly number[]): DataValue {
  return sameShape(value.type.shape, shape) ? value : backend.materialise(backend.reshape(value, shape));
}

/** Gives a variable the result of a program: in place where nothing else holds its memory. */
function updateVariable(backend: XlaBackend, variable: Variable, handle: bigint): void {
  const entry = backend.entries.get(variable.dataId);
  const value = entry.value!;
  if (entry.refCount === 1 && value.holders === 1 && sameShape(value.type.shape, variable.shape)) {
    if (value.buffer === undefined) value.buffer = backend.adopt(handle, value.type);
    else value.buffer.replace(handle);
    value.host = undefined;
    return;
  }
  assignBuffer(backend, variable, handle, tensorType(value.type.element, variable.shape));
}

function assignBuffer(
  backend: XlaBackend,
  variable: Variable,
  handle: bigint,
  type: DataValue['type'],
): void {
  const value = new DataValue(type);
  value.buffer = backend.adopt(handle, type);
  const tensor = engine().makeTensorFromTensorInfo(backend.tensorInfo(value));
  variable.assign(tensor);
  tensor.dispose();
}

function tapeIsOn(): boolean {
  return (engine() as unknown as { isTapeOn(): boolean }).isTapeOn();
}
