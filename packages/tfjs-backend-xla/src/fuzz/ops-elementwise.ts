import * as tf from '@tensorflow/tfjs';
import { type ElementName, type Known, type Op, type Scope, satisfies, type Want } from './program.js';

type Unary = (x: tf.Tensor) => tf.Tensor;

const everything = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** Most operands lie in the function's domain, the others show what it makes of what does not. */
function unary(
  fn: Unary,
  domain: readonly [number, number] = everything,
  extra: Partial<Op> & { dtypes?: readonly ElementName[] } = {},
): Op {
  const { dtypes = ['float32'], ...rest } = extra;
  return {
    differentiable: true,
    choose: (scope) => {
      const limited =
        domain === exactSquares || domain === float32Integers || (domain !== everything && scope.chance(0.9));
      const x = scope.operand({ dtype: dtypes, ...(limited ? { range: domain } : {}) });
      return { operands: [x.ref] };
    },
    apply: ([x]) => fn(x),
    ...rest,
  };
}

const numeric = ['float32', 'int32'] as const;
const constant = { differentiable: false } as const;

/** tfjs's cpu backend squares in float32, which is exact for integers up to 2^24, and multiplies in float64, up to 2^53. */
const exactSquares = [-(2 ** 12), 2 ** 12] as const;
const exactFactors = { each: (value: number) => !Number.isFinite(value) || Math.abs(value) <= 2 ** 25 };

const float32Integers = [-(2 ** 24), 2 ** 24] as const;

export const unaryOps: Readonly<Record<string, Op>> = {
  abs: unary(tf.abs),
  // tfjs's cpu kernel goes through float32, which is exact this far.
  absInt: unary(tf.abs, float32Integers, { dtypes: ['int32'] }),
  neg: unary(tf.neg, everything, { dtypes: numeric }),
  sign: unary(tf.sign, everything, { dtypes: numeric }),
  ceil: unary(tf.ceil),
  floor: unary(tf.floor),
  round: unary(tf.round, everything, { dtypes: numeric }),
  square: unary(tf.square),
  squareInt: unary(tf.square, exactSquares, { dtypes: ['int32'] }),
  relu: unary(tf.relu, everything, { dtypes: numeric }),
  relu6: unary(tf.relu6, everything, { dtypes: numeric }),
  step: unary((x) => tf.step(x, 0.25)),
  leakyRelu: unary((x) => tf.leakyRelu(x, 0.1), everything, { dtypes: numeric }),
  clip: unary((x) => tf.clipByValue(x, -1, 2), everything, { dtypes: numeric }),
  elu: unary(tf.elu),
  selu: unary(tf.selu),
  softplus: unary(tf.softplus),
  sigmoid: unary(tf.sigmoid),
  tanh: unary(tf.tanh),
  erf: unary(tf.erf, everything, { dtypes: numeric }),
  exp: unary(tf.exp, [-15, 10], { dtypes: numeric }),
  expm1: unary(tf.expm1, [-15, 10]),
  log: unary(tf.log, [1e-3, 1e6]),
  log1p: unary(tf.log1p, [-0.99, 1e6]),
  sqrt: unary(tf.sqrt, [0, 1e9]),
  rsqrt: unary(tf.rsqrt, [1e-3, 1e9]),
  reciprocal: unary(tf.reciprocal),
  sin: unary(tf.sin),
  cos: unary(tf.cos),
  tan: unary(tf.tan, [-1.5, 1.5]),
  asin: unary(tf.asin, [-1, 1]),
  acos: unary(tf.acos, [-1, 1]),
  atan: unary(tf.atan),
  sinh: unary(tf.sinh, [-10, 10]),
  cosh: unary(tf.cosh, [-10, 10]),
  asinh: unary(tf.asinh),
  acosh: unary(tf.acosh, [1, 1e6]),
  atanh: unary(tf.atanh, [-0.99, 0.99]),
  isNaN: unary(tf.isNaN, everything, { dtypes: numeric, ...constant }),
  isInf: unary(tf.isInf, everything, constant),
  isFinite: unary(tf.isFinite, everything, constant),
  logicalNot: unary(tf.logicalNot, everything, { dtypes: ['bool'], ...constant }),
  zerosLike: unary(tf.zerosLike, everything, { dtypes: ['float32', 'int32', 'bool'] }),
  onesLike: unary(tf.onesLike, everything, { dtypes: ['float32', 'int32', 'bool'] }),
  cast: {
    differentiable: true,
    choose: (scope) => {
      const dtype = scope.pick(['float32', 'int32', 'bool'] as const);
      // What a float beyond int32 becomes is no part of tfjs's contract: JavaScript wraps, XLA saturates.
      const want: Want =
        dtype === 'int32'
          ? { dtype: ['float32', 'bool', 'int32'], range: [-2147483648, 2147483520] }
          : { dtype: ['float32', 'int32', 'bool'] };
      return { operands: [scope.operand(want).ref], attrs: { dtype } };
    },
    apply: ([x], { dtype }) => tf.cast(x, dtype as ElementName),
  },
};

/** A shape that broadcasts with the given one. */
export function broadcastable(scope: Scope, shape: readonly number[]): number[] {
  const dropped = scope.chance(0.3) ? scope.int(0, shape.length) : 0;
  return shape.slice(dropped).map((n) => (scope.chance(0.2) ? 1 : n));
}

export function broadcastWith(shape: readonly number[]): (value: Known) => boolean {
  return (value) => {
    const rank = Math.max(shape.length, value.shape.length);
    for (let i = 1; i <= rank; i++) {
      const [a, b] = [shape.at(-i) ?? 1, value.shape.at(-i) ?? 1];
      if (i <= shape.length && i <= value.shape.length && a !== b && a !== 1 && b !== 1) return false;
    }
    return rank <= 4;
  };
}

function pair(scope: Scope, first: Want, second: Want): Known[] {
  const a = scope.operand(first);
  const fits = broadcastWith(a.shape);
  const found = scope.chance(0.6)
    ? scope.find((value) => fits(value) && satisfies(value, second))
    : undefined;
  const b = found ?? scope.input({ ...second, shape: broadcastable(scope, a.shape) });
  const symmetric = Object.keys(first).length === 1 && Object.keys(second).length === 1;
  return symmetric && scope.chance(0.5) ? [b, a] : [a, b];
}

type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

function binary(
  fn: Binary,
  dtypes: readonly ElementName[],
  extra: Partial<Op> & { first?: Partial<Want>; second?: Partial<Want> } = {},
): Op {
  const { first, second, ...rest } = extra;
  return {
    // tfjs's gradients do not reduce to a shape that was broadcast to nothing.
    differentiable: ([a, b]) => (a.size > 0 && b.size > 0) || `${a.shape}` === `${b.shape}`,
    choose: (scope) => {
      const dtype = scope.pick(dtypes);
      const other = scope.chance(0.85) ? dtype : scope.pick(dtypes);
      return {
        operands: pair(scope, { dtype, ...first }, { dtype: other, ...second }).map(({ ref }) => ref),
      };
    },
    apply: ([a, b]) => fn(a, b),
    ...rest,
  };
}

/** tfjs's gradients of these do not sum over the dimensions that were broadcast. */
const unlessBroadcast: Partial<Op> = { differentiable: ([a, b]) => `${a.shape}` === `${b.shape}` };
const noZero = { each: (value: number) => value !== 0 && Number.isFinite(value) };

export const binaryOps: Readonly<Record<string, Op>> = {
  add: binary(tf.add, numeric),
  sub: binary(tf.sub, numeric),
  mul: binary(tf.mul, numeric, { first: exactFactors, second: exactFactors }),
  div: binary(tf.div, ['float32']),
  divNoNan: binary(tf.divNoNan, ['float32'], constant),
  maximum: binary(tf.maximum, numeric, unlessBroadcast),
  minimum: binary(tf.minimum, numeric, unlessBroadcast),
  squaredDifference: binary(tf.squaredDifference, numeric, {
    first: exactFactors,
    second: exactFactors,
    ...unlessBroadcast,
  }),
  // Division by zero of integers is undefined: NaN cannot be stored. Quotients stay far below 2^31.
  floorDiv: binary(tf.floorDiv, numeric, {
    first: { finite: true },
    second: { each: (value) => Math.abs(value) >= 0.5, finite: true },
    differentiable: false,
  }),
  mod: binary(tf.mod, numeric, { second: noZero }),
  pow: {
    differentiable: true,
    choose: (scope) => {
      const base = scope.operand({ dtype: 'float32', range: [1e-2, 20], nonEmpty: true });
      const exponent = scope.input({
        dtype: 'float32',
        shape: broadcastable(scope, base.shape),
        range: [-3, 3],
      });
      return { operands: [base.ref, exponent.ref] };
    },
    apply: ([a, b]) => tf.pow(a, b),
  },
  powInt: {
    differentiable: false,
    choose: (scope) => {
      const base = scope.operand({ dtype: 'int32', range: [-7, 7] });
      const exponent = scope.input({
        dtype: 'int32',
        shape: broadcastable(scope, base.shape),
        range: [0, 6],
      });
      return { operands: [base.ref, exponent.ref] };
    },
    apply: ([a, b]) => tf.pow(a, b),
  },
  atan2: binary(tf.atan2, ['float32']),
  prelu: {
    differentiable: true,
    choose: (scope) => {
      // tfjs's gradient fails where there is nothing.
      const x = scope.operand({ dtype: 'float32', nonEmpty: true });
      const alpha = scope.input({ dtype: 'float32', shape: x.shape.map((n) => (scope.chance(0.3) ? 1 : n)) });
      return { operands: [x.ref, alpha.ref] };
    },
    apply: ([x, alpha]) => tf.prelu(x, alpha),
  },
  addN: {
    differentiable: true,
    choose: (scope) => {
      const first = scope.operand({ dtype: numeric });
      const more = Array.from({ length: scope.int(0, 3) }, () =>
        scope.operand({ dtype: first.dtype, shape: first.shape }),
      );
      return { operands: [first, ...more].map(({ ref }) => ref) };
    },
    apply: (args) => tf.addN(args),
  },
  equal: binary(tf.equal, numeric, constant),
  notEqual: binary(tf.notEqual, numeric, constant),
  less: binary(tf.less, numeric, constant),
  lessEqual: binary(tf.lessEqual, numeric, constant),
  greater: binary(tf.greater, numeric, constant),
  greaterEqual: binary(tf.greaterEqual, numeric, constant),
  logicalAnd: binary(tf.logicalAnd, ['bool'], constant),
  logicalOr: binary(tf.logicalOr, ['bool'], constant),
  logicalXor: binary(tf.logicalXor, ['bool'], constant),
  where: {
    differentiable: true,
    choose: (scope) => {
      const t = scope.operand({ dtype: ['float32', 'int32', 'bool'] });
      const e = scope.chance(0.7)
        ? scope.operand({ dtype: t.dtype, shape: t.shape })
        : scope.input({ dtype: t.dtype, shape: broadcastable(scope, t.shape) });
      const condition = scope.operand({ dtype: 'bool', shape: t.shape });
      return { operands: [condition.ref, t.ref, e.ref] };
    },
    apply: ([condition, t, e]) => tf.where(condition, t, e),
  },
};
