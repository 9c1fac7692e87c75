import type { Executable } from '@primal-attention/pjrt';
import type { Variable } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import { turn } from '../event-loop.js';
import { emitModule, extractProgram } from '../graph/program.js';
import { type ProgramCost, programCost } from '../graph/program-cost.js';
import { ParameterValue } from '../graph/values.js';
import type { TensorType } from '../hlo/types.js';
import type { TracedOptimizer } from './optimizers.js';
import { deservesSlot, ResultSlot } from './result-slot.js';
import { type Arguments, assignBuffer, readSource } from './run.js';
import type { Step, Work } from './task.js';
import type { Source, Trace } from './trace.js';
import { type CreatedVariable, type TracedFunction, traceFunction } from './tracing.js';
import type { TreeSpec } from './tree.js';
import { withinBackend } from './within-backend.js';

/** A function compiled for one signature. */
export interface CompiledFunction {
  readonly cost: ProgramCost;
  readonly executable: Executable;
  readonly sources: readonly Source[];
  /** Inputs that may be donated: positions whose variable the function assigns. */
  readonly donated: readonly number[];
  readonly assigned: readonly Variable[];
  /** Indices of assigned variables that are no inputs: nothing has looked at them before they get their values. */
  readonly unread: ReadonlySet<number>;
  readonly result: TreeSpec;
  readonly resultTypes: readonly TensorType[];
  /** By the results' indices. Those that exist have the arguments after the sources, in their order. */
  readonly slots: readonly (ResultSlot | undefined)[];
  readonly optimizers: readonly TracedOptimizer[];
  /** Calls under way on another thread. */
  running: number;
  /** Set when nobody will call it any more: it is freed when nothing is under way. */
  retired: boolean;
}

/** Lets the event loop turn. */
const breath: Step = { now: () => undefined, later: turn };

/** Compiles a program. @returns the executable, which the caller owns */
function* compileModule(backend: XlaBackend, module: string): Work<Executable> {
  let executable: Executable | undefined;
  let over = false;
  yield {
    now() {
      if (over) return;
      over = true;
      executable = backend.executables.compile(module);
    },
    async later() {
      const compiled = await backend.executables.compileAsync(module);
      if (over) compiled.dispose();
      else executable = compiled;
      over = true;
    },
  };
  return executable!;
}

/**
 * Traces and compiles a function for one signature. A first trace that makes variables is followed by a second, which
 * sees them as the state that they are.
 *
 * @param first whether variables may be made
 * @throws whatever `fn` throws; the variables that it had made until then exist, as after a plain call
 */
export function* compileFor(
  backend: XlaBackend,
  fn: (...args: never[]) => unknown,
  args: Arguments,
  first: boolean,
): Work<CompiledFunction> {
  let traced = yield* trace(backend, fn, args, first ? undefined : madeLater);
  try {
    if (traced.created.length > 0) {
      yield* initialiseVariables(backend, traced.trace, traced.created, args);
      traced.trace.discard();
      traced.trace.close();
      traced = yield* trace(backend, fn, args, madeEachTime);
    }
    return yield* build(backend, traced);
  } catch (error) {
    traced.trace.discard();
    throw error;
  } finally {
    traced.trace.close();
  }
}

const madeLater =
  'made variables ($) when it was traced for another signature. Variables may be made the first time only; make them ' +
  'before, outside the function.';
const madeEachTime =
  'makes new variables ($) each time it runs. Make them once: before the function is compiled, or on its first run.';

/** @param complaint what to say when the function makes variables; undefined when it may */
function* trace(
  backend: XlaBackend,
  fn: (...args: never[]) => unknown,
  args: Arguments,
  complaint: string | undefined,
): Work<TracedFunction> {
  const traced = withinBackend(backend, () => traceFunction(backend, fn, args.spec, args.tensors));
  const { created } = traced;
  if (traced.failure === undefined && (complaint === undefined || created.length === 0)) return traced;
  try {
    if (traced.failure !== undefined) {
      // An optimizer or a layer that made the variables counts on them, so they must be usable at the next call.
      if (created.length > 0) yield* initialiseVariables(backend, traced.trace, created, args);
      throw traced.failure.error;
    }
    const names = created.map(({ variable }) => variable.name).join(', ');
    for (const { variable } of created) variable.dispose();
    throw new Error(`jit: the function ${complaint?.replace('$', () => names)}`);
  } finally {
    traced.trace.discard();
    traced.trace.close();
  }
}

/** Computes the initial values of variables that a trace made. They are removed when this fails. */
function* initialiseVariables(
  backend: XlaBackend,
  trace: Trace,
  created: readonly CreatedVariable[],
  args: Arguments,
): Work<void> {
  try {
    const program = extractProgram(
      trace.graph,
      created.map(({ initial }) => initial),
    );
    yield breath;
    const executable = yield* compileModule(backend, emitModule(program));
    try {
      const list = executable.argumentList(program.inputs.length);
      for (const [i, input] of program.inputs.entries()) {
        const { source } = trace.inputs.find(({ parameter }) => parameter === input)!;
        list[i] = backend.deviceBuffer(readSource(backend, source, args)).handle;
      }
      const handles = executable.execute();
      for (const [i, { variable, initial }] of created.entries()) {
        withinBackend(backend, () => assignBuffer(backend, variable, handles[i], initial.type));
      }
    } finally {
      executable.dispose();
    }
  } catch (error) {
    for (const { variable } of created) variable.dispose();
    throw error;
  }
}

function* build(backend: XlaBackend, traced: TracedFunction): Work<CompiledFunction> {
  const { trace, results, assigned } = traced;
  yield breath;
  const outputs = [...results, ...assigned.map(({ value }) => value)];
  const parameters = trace.inputs.map(({ parameter }) => parameter);
  const program = extractProgram(trace.graph, outputs, parameters);
  trace.refuseRandomness(program);
  const donations = new Map<number, number>();
  const sources = trace.inputs.map(({ source }) => source);
  const read = new Set<Variable>();
  for (const [i, source] of sources.entries()) {
    if (source.kind !== 'variable') continue;
    read.add(source.variable);
    const index = assigned.findIndex(({ variable }) => variable === source.variable);
    if (index >= 0 && assigned[index].value.type === trace.inputs[i].parameter.type) {
      donations.set(i, results.length + index);
    }
  }
  const slots = results.map((value) =>
    assigned.length > 0 && deservesSlot(value) ? new ResultSlot(backend, value.type) : undefined,
  );
  const cost = programCost(program);
  const donated = [...donations.keys()];
  const inputs = [...program.inputs];
  for (const [i, slot] of slots.entries()) {
    if (slot === undefined) continue;
    donations.set(inputs.length, i);
    inputs.push(new ParameterValue(results[i].type));
  }
  yield breath;
  const executable = yield* compileModule(backend, emitModule({ ...program, inputs }, donations));
  return {
    cost,
    executable,
    sources,
    donated,
    assigned: assigned.map(({ variable }) => variable),
    unread: new Set(assigned.flatMap(({ variable }, i) => (read.has(variable) ? [] : [i]))),
    result: traced.result,
    resultTypes: results.map((value) => value.type),
    slots,
    optimizers: traced.optimizers,
    running: 0,
    retired: false,
  };
}
