import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { turn } from '../event-loop.js';
import { type BackendName, type Contents, onBackend, read } from './evaluate.js';

/*
 * Programs that look like training loops: variables, functions that assign them (to be compiled), and around them what a
 * user does between steps: keeping clones, reading now and then, assigning from outside, disposing in any order. What
 * goes wrong here is memory: a buffer that is donated or freed while something still needs it.
 */

const optimizers = ['sgd', 'momentum', 'adam', 'rmsprop', 'adagrad'] as const;

/** What a compiled function does with variables `a` and `b`. All keep values within a few units. */
export type StepFunction =
  | { readonly kind: 'update' | 'swap' | 'share' | 'views'; readonly a: number; readonly b: number }
  | {
      readonly kind: 'optimize';
      readonly optimizer: (typeof optimizers)[number];
      readonly a: number;
      readonly b: number;
    };

export type Command =
  /** Calls a function. Its argument is a new tensor, something kept, or a variable itself. */
  | {
      readonly kind: 'call';
      readonly fn: number;
      readonly argument: 'new' | 'kept' | 'variable';
      readonly at: number;
    }
  /** Keeps something that depends on a variable: sharing its data, or computed from it later. */
  | { readonly kind: 'keep'; readonly how: 'clone' | 'reshape' | 'pending'; readonly at: number }
  | {
      readonly kind: 'assign';
      readonly variable: number;
      readonly from: 'new' | 'kept' | 'variable';
      readonly at: number;
    }
  | { readonly kind: 'read'; readonly what: 'kept' | 'variable'; readonly at: number }
  | { readonly kind: 'dispose'; readonly at: number };

export interface TrainingProgram {
  readonly functions: readonly StepFunction[];
  readonly commands: readonly Command[];
}

const variableCount = 3;
const shape = [2, 3];

const small = fc.nat(7);
const variable = fc.nat(variableCount - 1);

const stepFunction: fc.Arbitrary<StepFunction> = fc.oneof(
  fc.record({ kind: fc.constantFrom('update', 'swap', 'share', 'views' as const), a: variable, b: variable }),
  fc.record({
    kind: fc.constant('optimize' as const),
    optimizer: fc.constantFrom(...optimizers),
    a: variable,
    b: variable,
  }),
) as fc.Arbitrary<StepFunction>;

const source = fc.constantFrom('new', 'kept', 'variable' as const);

const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('call' as const), fn: fc.nat(2), argument: source, at: small }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('keep' as const),
      how: fc.constantFrom('clone', 'reshape', 'pending' as const),
      at: variable,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('assign' as const), variable, from: source, at: small }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      what: fc.constantFrom('kept', 'variable' as const),
      at: small,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('dispose' as const), at: small }) },
) as fc.Arbitrary<Command>;

export const trainingPrograms: fc.Arbitrary<TrainingProgram> = fc.record({
  functions: fc.array(stepFunction, { minLength: 1, maxLength: 3 }),
  commands: fc.array(command, { minLength: 1, maxLength: 25, size: 'max' }),
});

type Step = (x: tf.Tensor) => tf.Tensor;
type Compile = (fn: Step) => Step;

/** Numbers that tell one call from another. */
function fresh(count: number): number[] {
  return Array.from({ length: 6 }, (_, i) => Math.cos(1.7 * i + 0.9 * count));
}

/** Runs a program and returns all that it reads, in order, and what is left at its end. Everything is disposed. */
export function runTraining(
  name: BackendName,
  program: TrainingProgram,
  compile: Compile,
  change: (values: readonly number[]) => readonly number[] = (values) => values,
): Contents[] {
  return onBackend(name, () => {
    const step = training(program, compile, change).next();
    if (!step.done) throw new Error('a plain call gave a promise');
    return step.value;
  });
}

/** The same on the backend in use, with every other call in its asynchronous form, and nothing awaited before it is needed. */
export async function runInterleaved(
  program: TrainingProgram,
  compile: (fn: Step) => Step & { async(x: tf.Tensor): Promise<tf.Tensor> },
): Promise<Contents[]> {
  let calls = 0;
  const alternating = (fn: Step) => {
    const compiled = compile(fn);
    return (x: tf.Tensor) => (calls++ % 2 === 0 ? compiled.async(x) : compiled(x));
  };
  const run = training(program, alternating, (values) => values);
  let step = run.next();
  while (!step.done) {
    await step.value;
    step = run.next();
  }
  return step.value;
}

/** Yields what it waits for. */
function* training(
  { functions, commands }: TrainingProgram,
  compile: (fn: Step) => (x: tf.Tensor) => tf.Tensor | Promise<tf.Tensor>,
  change: (values: readonly number[]) => readonly number[],
): Generator<Promise<unknown>, Contents[], void> {
  let count = 0;
  const next = (): tf.Tensor => tf.tensor(change(fresh(count++)) as number[], shape);
  const variables = Array.from({ length: variableCount }, () => {
    const initial = next();
    const made = tf.variable(initial);
    initial.dispose();
    return made;
  });
  const made: tf.Optimizer[] = [];
  const compiled = functions.map((description) => compile(stepOf(description, variables, made)));
  const kept: tf.Tensor[] = [];
  /** What calls that are not over will give, by its place among what is kept. */
  const coming = new Map<number, Promise<unknown>>();
  function* settle() {
    yield* coming.values();
    coming.clear();
  }
  const reads: Contents[] = [];
  const given = (from: 'new' | 'kept' | 'variable', at: number): tf.Tensor => {
    if (from === 'variable') return variables[at % variableCount];
    return from === 'kept' && kept.length > 0 ? kept[at % kept.length] : next();
  };
  /** Uses a tensor, which is disposed afterwards when it was made for this. */
  const use = (from: 'new' | 'kept' | 'variable', at: number, fn: (x: tf.Tensor) => void): void => {
    const x = given(from, at);
    const shaped = x.rank === shape.length && x.shape[0] === shape[0] ? x : x.reshape(shape);
    fn(shaped);
    if (shaped !== x) shaped.dispose();
    if (!kept.includes(x) && !(x instanceof tf.Variable)) x.dispose();
  };
  for (const step of commands) {
    // Only calls of compiled functions keep their order by themselves.
    if (step.kind !== 'call' || step.argument === 'kept') yield* settle();
    else if (coming.size > 0 && step.at % 3 === 0) yield turn();
    switch (step.kind) {
      case 'call':
        use(step.argument, step.at, (x) => {
          const result = compiled[step.fn % compiled.length](x);
          const place = kept.push(result as tf.Tensor) - 1;
          if (!(result instanceof Promise)) return;
          coming.set(
            place,
            result.then((tensor) => {
              kept[place] = tensor;
            }),
          );
        });
        break;
      case 'keep': {
        const source = variables[step.at];
        if (step.how === 'clone') kept.push(source.clone());
        else if (step.how === 'reshape') kept.push(source.reshape([3, 2]));
        else kept.push(tf.tidy(() => source.mul(0.5).sub(1)));
        break;
      }
      case 'assign':
        // tfjs frees a variable that is assigned to itself, then looks for its data.
        use(step.from, step.at, (x) => x !== variables[step.variable] && variables[step.variable].assign(x));
        break;
      case 'read':
        if (step.what === 'variable') reads.push(read(variables[step.at % variableCount]));
        else if (kept.length > 0) reads.push(read(kept[step.at % kept.length]));
        break;
      case 'dispose':
        if (kept.length > 0) kept.splice(step.at % kept.length, 1)[0].dispose();
        break;
    }
  }
  yield* settle();
  reads.push(...variables.map(read), ...kept.map(read));
  for (const tensor of [...kept, ...variables]) tensor.dispose();
  for (const optimizer of made) optimizer.dispose();
  return reads;
}

function stepOf(description: StepFunction, variables: readonly tf.Variable[], made: tf.Optimizer[]): Step {
  const [a, b] = [variables[description.a], variables[description.b]];
  switch (description.kind) {
    case 'update':
      return (x) =>
        tf.tidy(() => {
          a.assign(a.mul(0.5).add(b.mul(0.25)).add(tf.tanh(x)));
          return a.sub(x);
        });
    case 'swap':
      return (x) =>
        tf.tidy(() => {
          const before = a.clone();
          a.assign(b);
          b.assign(before);
          return before.add(x);
        });
    case 'share':
      return (x) =>
        tf.tidy(() => {
          const both = tf.sin(a.add(x));
          a.assign(both);
          b.assign(both);
          return both;
        });
    case 'views':
      return () =>
        tf.tidy(() => {
          a.assign(a.reshape([3, 2]).mul(0.9).reshape(shape) as tf.Tensor);
          return b.reshape([6]).reshape(shape);
        });
    case 'optimize': {
      const optimizer = optimizerOf(description.optimizer);
      made.push(optimizer);
      const list = a === b ? [a] : [a, b];
      return (x) =>
        tf.tidy(() => {
          const cost = optimizer.minimize(
            () => a.sub(tf.tanh(x)).square().mean().add(b.mul(0.3).add(2).square().mean()) as tf.Scalar,
            true,
            list,
          )!;
          return cost.broadcastTo(shape);
        });
    }
  }
}

function optimizerOf(name: (typeof optimizers)[number]): tf.Optimizer {
  switch (name) {
    case 'sgd':
      return tf.train.sgd(0.1);
    case 'momentum':
      return tf.train.momentum(0.1, 0.9);
    case 'adam':
      return tf.train.adam(0.05);
    case 'rmsprop':
      return tf.train.rmsprop(0.05);
    case 'adagrad':
      return tf.train.adagrad(0.1);
  }
}

export function formatTraining({ functions, commands }: TrainingProgram): string {
  const line = (x: object): string => `  ${JSON.stringify(x)}`;
  return [...functions.map(line), ...commands.map(line)].join('\n');
}
