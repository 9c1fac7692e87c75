import * as tf from '@tensorflow/tfjs';
import type { ElementName, Known, Op, Rounding, Scope, Want } from './program.js';

type Unary = (x: tf.Tensor) => tf.Tensor;

const everything = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** Most operands lie in the function's domain, the others show what it makes of what does not. */
function unary(
  fn: Unary,
  rounding: Rounding,
  domain: readonly [number, number] = everything,
  extra: Partial<Op> & { dtypes?: readonly ElementName[] } = {},
): Op {
  const { dtypes = ['float32'], ...rest } = extra;
  return {
    rounding,
    differentiable: true,
    choose: (scope) => {
      const limited = domain !== everything && scope.chance(0.9);
      const x = scope.operand({ dtype: dtypes, ...(limited ? { range: domain } : {}) });
      return { operands: [x.ref] };
    },
    apply: ([x]) => fn(x),
    ...rest,
  };
}

const numeric = ['float32', 'int32'] as const;
const constant = { differentiable: false } as const;

export const unaryOps: Readonly<Record<string, Op>> = {
  abs: unary(tf.abs, 'exact', everything, { dtypes: numeric }),
  neg: unary(tf.neg, 'exact', everything, { dtypes: numeric }),
  sign: unary(tf.sign, 'arithmetic', everything, { dtypes: numeric }),
  ceil: unary(tf.ceil, 'arithmetic'),
  floor: unary(tf.floor, 'arithmetic'),
  round: unary(tf.round, 'arithmetic', everything, { dtypes: numeric }),
  square: unary(tf.square, 'arithmetic', everything, { dtypes: numeric }),
  relu: unary(tf.relu, 'arithmetic', everything, { dtypes: numeric }),
  relu6: unary(tf.relu6, 'arithmetic', everything, { dtypes: numeric }),
  step: unary((x) => tf.step(x, 0.25), 'arithmetic'),
  leakyRelu: unary((x) => tf.leakyRelu(x, 0.1), 'approximate', everything, { dtypes: numeric }),
  clip: unary((x) => tf.clipByValue(x, -1, 2), 'arithmetic', everything, { dtypes: numeric }),
  elu: unary(tf.elu, 'approximate', everything, {
    // tfjs computes exp(x) - 1, which loses what is small.
    absoluteError: 1.2e-7,
  }),
  selu: unary(tf.selu, 'approximate', everything, { absoluteError: 2.4e-7 }),
  softplus: unary(tf.softplus, 'approximate'),
  sigmoid: unary(tf.sigmoid, 'approximate'),
  tanh: unary(tf.tanh, 'approximate'),
  // tfjs uses a formula with an error of 1.5e-7.
  erf: unary(tf.erf, 'approximate', everything, { absoluteError: 3e-7, dtypes: numeric }),
  exp: unary(tf.exp, 'approximate', [-15, 10], { dtypes: numeric }),
  expm1: unary(tf.expm1, 'approximate', [-15, 10]),
  log: unary(tf.log, 'approximate', [1e-3, 1e6]),
  log1p: unary(tf.log1p, 'approximate', [-0.99, 1e6]),
  sqrt: unary(tf.sqrt, 'approximate', [0, 1e9]),
  rsqrt: unary(tf.rsqrt, 'approximate', [1e-3, 1e9]),
  reciprocal: unary(tf.reciprocal, 'approximate'),
  sin: unary(tf.sin, 'approximate'),
  cos: unary(tf.cos, 'approximate'),
  tan: unary(tf.tan, 'approximate', [-1.5, 1.5]),
  asin: unary(tf.asin, 'approximate', [-1, 1]),
  acos: unary(tf.acos, 'approximate', [-1, 1]),
  atan: unary(tf.atan, 'approximate'),
  sinh: unary(tf.sinh, 'approximate', [-10, 10]),
  cosh: unary(tf.cosh, 'approximate', [-10, 10]),
  asinh: unary(tf.asinh, 'approximate'),
  acosh: unary(tf.acosh, 'approximate', [1, 1e6]),
  atanh: unary(tf.atanh, 'approximate', [-0.99, 0.99]),
  isNaN: unary(tf.isNaN, 'exact', everything, { dtypes: numeric, ...constant }),
  isInf: unary(tf.isInf, 'exact', everything, constant),
  isFinite: unary(tf.isFinite, 'exact', everything, constant),
  logicalNot: unary(tf.logicalNot, 'exact', everything, { dtypes: ['bool'], ...constant }),
  zerosLike: unary(tf.zerosLike, 'exact', everything, { dtypes: ['float32', 'int32', 'bool'] }),
  onesLike: unary(tf.onesLike, 'exact', everything, { dtypes: ['float32', 'int32', 'bool'] }),
  cast: {
    rounding: 'exact',
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
    ? scope.find(
        (value) =>
          [second.dtype].flat().includes(value.dtype) && fits(value) && (second.fits?.(value) ?? true),
      )
    : undefined;
  const b = found ?? scope.input({ ...second, shape: broadcastable(scope, a.shape) });
  return scope.chance(0.5) || second.fits !== undefined || second.range !== undefined ? [a, b] : [b, a];
}

type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

function binary(
  fn: Binary,
  rounding: Rounding,
  dtypes: readonly ElementName[],
  extra: Partial<Op> & { second?: Partial<Want>; sameType?: boolean } = {},
): Op {
  const { second, sameType, ...rest } = extra;
  return {
    rounding,
    // tfjs's gradients do not reduce to a shape that was broadcast to nothing.
    differentiable: ([a, b]) => (a.size > 0 && b.size > 0) || `${a.shape}` === `${b.shape}`,
    choose: (scope) => {
      const dtype = scope.pick(dtypes);
      const other = sameType ? dtype : scope.chance(0.85) ? dtype : scope.pick(dtypes);
      return { operands: pair(scope, { dtype }, { dtype: other, ...second }).map(({ ref }) => ref) };
    },
    apply: ([a, b]) => fn(a, b),
    ...rest,
  };
}

const all = (test: (value: number) => boolean) => (value: Known) => Array.from(value.values).every(test);
/** tfjs's gradients of these do not sum over the dimensions that were broadcast. */
const unlessBroadcast: Partial<Op> = { differentiable: ([a, b]) => `${a.shape}` === `${b.shape}` };
const noZero = { fits: all((value) => value !== 0 && Number.isFinite(value)) };

export const binaryOps: Readonly<Record<string, Op>> = {
  add: binary(tf.add, 'arithmetic', numeric),
  sub: binary(tf.sub, 'arithmetic', numeric),
  mul: binary(tf.mul, 'arithmetic', numeric),
  div: binary(tf.div, 'approximate', ['float32']),
  divNoNan: binary(tf.divNoNan, 'approximate', ['float32'], constant),
  maximum: binary(tf.maximum, 'arithmetic', numeric, unlessBroadcast),
  minimum: binary(tf.minimum, 'arithmetic', numeric, unlessBroadcast),
  squaredDifference: binary(tf.squaredDifference, 'arithmetic', numeric, unlessBroadcast),
  // Division by zero of integers is undefined: NaN cannot be stored. Quotients stay far below 2^31.
  floorDiv: binary(tf.floorDiv, 'exact', numeric, {
    second: { fits: all((value) => Math.abs(value) >= 0.5) },
    differentiable: false,
  }),
  mod: binary(tf.mod, 'approximate', numeric, { second: noZero }),
  pow: {
    rounding: 'approximate',
    differentiable: true,
    choose: (scope) => {
      const base = scope.operand({ dtype: 'float32', range: [1e-2, 20], nonEmpty: true });
      const exponent = scope.input({ dtype: 'float32', shape: broadcastable(scope, base.shape), range: [-3, 3] });
      return { operands: [base.ref, exponent.ref] };
    },
    apply: ([a, b]) => tf.pow(a, b),
  },
  powInt: {
    rounding: 'exact',
    differentiable: false,
    choose: (scope) => {
      const base = scope.operand({ dtype: 'int32', range: [-7, 7] });
      const exponent = scope.input({ dtype: 'int32', shape: broadcastable(scope, base.shape), range: [0, 6] });
      return { operands: [base.ref, exponent.ref] };
    },
    apply: ([a, b]) => tf.pow(a, b),
  },
  atan2: binary(tf.atan2, 'approximate', ['float32']),
  prelu: {
    rounding: 'arithmetic',
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
    rounding: 'arithmetic',
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
  ...Object.fromEntries(
    (['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'] as const).map((name) => [
      name,
      binary(tf[name] as Binary, 'exact', numeric, constant),
    ]),
  ),
  ...Object.fromEntries(
    (['logicalAnd', 'logicalOr', 'logicalXor'] as const).map((name) => [
      name,
      binary(tf[name] as Binary, 'exact', ['bool'], constant),
    ]),
  ),
  where: {
    rounding: 'exact',
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
