import type * as tf from '@tensorflow/tfjs';

export type ElementName = 'float32' | 'int32' | 'bool';

/** One output of one step. */
export interface Ref {
  readonly step: number;
  readonly output: number;
}

export type Attributes = Readonly<Record<string, unknown>>;

/** A tensor that the program is given. */
export interface InputStep {
  readonly op: 'input';
  readonly dtype: ElementName;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** An operation on earlier results. */
export interface OpStep {
  readonly op: string;
  readonly operands: readonly Ref[];
  readonly attrs: Attributes;
}

export type Step = InputStep | OpStep;

/** A straight-line program of tfjs operations: plain data, so that it can be printed, cut and run anywhere. */
export type Program = readonly Step[];

export function isInput(step: Step): step is InputStep {
  return step.op === 'input';
}

/** An operation of the table. */
export interface Op {
  /** False where tfjs has no gradient, or a wrong one: operands are then constants to the tape. */
  readonly differentiable: boolean | ((args: readonly tf.Tensor[], attrs: Attributes) => boolean);
  /** Chooses operands and attributes for which the operation is defined. */
  choose(scope: Scope): { operands: Ref[]; attrs?: Attributes } | undefined;
  apply(args: tf.Tensor[], attrs: Attributes): tf.Tensor | tf.Tensor[];
}

/** A value that the program has at some point, as the reference computed it. */
export interface Known {
  readonly ref: Ref;
  readonly dtype: ElementName;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** What an operation chooses from. */
export interface Scope {
  /** An integer in [low, high]. */
  int(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  shuffle<T>(from: readonly T[]): T[];
  /** An earlier value that fits, or undefined. Later ones are likelier, so that programs grow deep. */
  find(fits: (value: Known) => boolean): Known | undefined;
  /** An earlier value that fits, or now and then, and when there is none, a new input. */
  operand(want: Want): Known;
  /** A new input. */
  input(want: Want): Known;
  /** A new int32 input of rows: the values of the columns, side by side in a last dimension. */
  rows(columns: readonly ArrayLike<number>[], outer: readonly number[]): Known;
  shape(minRank: number, maxRank: number, allowEmpty?: boolean): number[];
}

/** What is asked of an operand. */
export interface Want {
  readonly dtype: ElementName | readonly ElementName[];
  readonly shape?: readonly number[];
  readonly minRank?: number;
  readonly maxRank?: number;
  /** Values lie in [low, high], and are no NaN. */
  readonly range?: readonly [number, number];
  /** No dimension is 0. */
  readonly nonEmpty?: boolean;
  readonly finite?: boolean;
  /** Values of a new input ascend along the last dimension. */
  readonly sorted?: boolean;
  /** What each number satisfies. */
  readonly each?: (value: number) => boolean;
  readonly fits?: (value: Known) => boolean;
}

/** Whether a value is one that is asked for. */
export function satisfies(value: Known, want: Want): boolean {
  const rank = value.shape.length;
  if (!(typeof want.dtype === 'string' ? want.dtype === value.dtype : want.dtype.includes(value.dtype)))
    return false;
  if (rank < (want.minRank ?? 0) || rank > (want.maxRank ?? 4)) return false;
  if (
    want.shape !== undefined &&
    (want.shape.length !== rank || want.shape.some((n, i) => n !== value.shape[i]))
  )
    return false;
  if (want.nonEmpty && value.shape.includes(0)) return false;
  const values = Array.from(value.values);
  if (want.range !== undefined) {
    const [low, high] = want.range;
    if (!values.every((x) => x >= low && x <= high)) return false;
  }
  if (want.finite && !values.every(Number.isFinite)) return false;
  if (want.each !== undefined && !values.every(want.each)) return false;
  return want.fits?.(value) ?? true;
}

export const refKey = ({ step, output }: Ref): string => `${step}.${output}`;

/** The program as text, one step a line: what a failure prints. */
export function formatProgram(program: Program): string {
  return program
    .map((step, i) => {
      if (isInput(step)) {
        const values = step.values.map((value) => (Object.is(value, -0) ? '-0' : `${value}`)).join(', ');
        return `  %${i} = ${step.dtype} [${step.shape}] {${values}}`;
      }
      const operands = step.operands.map(({ step: from, output }) =>
        output === 0 ? `%${from}` : `%${from}#${output}`,
      );
      const attrs = Object.keys(step.attrs).length === 0 ? '' : ` ${JSON.stringify(step.attrs)}`;
      return `  %${i} = ${step.op}(${operands.join(', ')})${attrs}`;
    })
    .join('\n');
}
