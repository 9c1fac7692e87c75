import { forward, gradients, makeInputs, onBackend, scoped } from './evaluate.js';
import { type InputStep, isInput, type Program, type Ref, type Step } from './program.js';

/** The steps that `roots` need, renumbered. */
export function restrict(program: Program, roots: readonly number[]): Program {
  const needed = new Set(roots);
  for (let i = program.length - 1; i >= 0; i--) {
    const step = program[i];
    if (needed.has(i) && !isInput(step)) for (const { step: from } of step.operands) needed.add(from);
  }
  const position = new Map([...needed].sort((a, b) => a - b).map((from, to) => [from, to]));
  const move = ({ step, output }: Ref): Ref => ({ step: position.get(step)!, output });
  return program.flatMap((step, i) =>
    !needed.has(i) ? [] : [isInput(step) ? step : { ...step, operands: step.operands.map(move) }],
  );
}

/** Simpler programs, the simplest first: parts, parts whose beginning is an input, inputs with fewer and rounder numbers. */
export function* simplerPrograms(program: Program): IterableIterator<Program> {
  const ops = program.flatMap((step, i) => (isInput(step) ? [] : [i]));
  for (const i of ops) {
    const part = restrict(program, [i]);
    if (part.length < program.length) yield part;
  }
  for (const i of ops.slice(0, -1)) yield withInputs(program, i);
  for (const [i, step] of program.entries()) {
    if (!isInput(step)) continue;
    for (const simpler of simplerInputs(step)) {
      const candidate = program.with(i, simpler);
      if (isDefined(candidate)) yield candidate;
    }
  }
}

/** The program with inputs in place of the results of step `at`, of the same values. */
function withInputs(program: Program, at: number): Program {
  const outputs = onBackend('cpu', () =>
    scoped(() =>
      forward(program, makeInputs(program))[at].map(
        (tensor): InputStep => ({
          op: 'input',
          dtype: tensor.dtype as InputStep['dtype'],
          shape: tensor.shape,
          values: Array.from(tensor.dataSync()),
        }),
      ),
    ),
  );
  const move = ({ step, output }: Ref): Ref => {
    if (step < at) return { step, output };
    return step === at ? { step: at + output, output: 0 } : { step: step + outputs.length - 1, output };
  };
  const steps: Step[] = [...program.slice(0, at), ...outputs];
  for (const step of program.slice(at + 1)) {
    steps.push(isInput(step) ? step : { ...step, operands: step.operands.map(move) });
  }
  return restrict(steps, [steps.length - 1]);
}

function* simplerInputs(step: InputStep): IterableIterator<InputStep> {
  const { shape, values, dtype } = step;
  // The last index of a dimension goes.
  for (const [axis, n] of shape.entries()) {
    if (n <= 1) continue;
    const inner = shape.slice(axis + 1).reduce((product, m) => product * m, 1);
    yield {
      ...step,
      shape: shape.with(axis, n - 1),
      values: values.filter((_, i) => Math.floor(i / inner) % n !== n - 1),
    };
  }
  const changed = (to: (value: number, i: number) => number): InputStep | undefined => {
    const replaced = values.map(to);
    return replaced.every((value, i) => Object.is(value, values[i]))
      ? undefined
      : { ...step, values: replaced };
  };
  if (dtype === 'bool') return;
  for (const candidate of [
    changed((value) => (Number.isFinite(value) ? Math.round(value) + 0 : value)),
    changed((value) => (Number.isFinite(value) ? value : 1)),
  ]) {
    if (candidate !== undefined) yield candidate;
  }
  for (let k = 0; k < Math.min(values.length, 12); k++) {
    const candidate = changed((value, i) => (i === k && value !== 0 && value !== 1 ? 1 : value));
    if (candidate !== undefined) yield candidate;
  }
}

/** Whether the program can run: shapes that were cut may fit no more. */
function isDefined(program: Program): boolean {
  return onBackend('cpu', () =>
    scoped(() => {
      try {
        const inputs = makeInputs(program);
        forward(program, inputs);
        gradients(program, inputs);
        return true;
      } catch {
        return false;
      }
    }),
  );
}
