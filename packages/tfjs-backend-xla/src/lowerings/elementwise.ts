import type { Comparison, FunctionBuilder, Value } from '../hlo/function-builder.js';
import { tensorType } from '../hlo/types.js';
import { realPart, toComplex } from './complex.js';
import { type Lowering, lower, NotLowered } from './table.js';

// Binary

const binary: Record<string, string> = {
  Add: 'add',
  Sub: 'subtract',
  Multiply: 'multiply',
  Maximum: 'maximum',
  Minimum: 'minimum',
  Atan2: 'atan2',
  LogicalAnd: 'and',
  LogicalOr: 'or',
  BitwiseAnd: 'and',
};
for (const [kernel, op] of Object.entries(binary)) lower(kernel, (b, { a, b: c }) => b.binary(op, a, c));

lower('Pow', (b, { a, b: c }) => b.binary('power', a, c));

lower('RealDiv', (b, { a, b: c }) => {
  if (a.type.element === 'complex<f32>') return b.binary('divide', a, c);
  return b.binary('divide', b.convert(a, 'f32'), b.convert(c, 'f32'));
});

/** An integer, also of floats, as in tfjs. */
lower('FloorDiv', (b, { a, b: c }) => {
  if (a.type.element !== 'i32') return b.convert(b.unary('floor', b.binary('divide', a, c)), 'i32');
  const quotient = b.binary('divide', a, c);
  const remainder = b.binary('remainder', a, c);
  const zero = b.like(a, 0);
  const inexact = b.compare('NE', remainder, zero);
  const negative = b.compare('LT', b.binary('xor', a, c), zero);
  return b.binary('subtract', quotient, b.convert(b.binary('and', inexact, negative), 'i32'));
});

/** The remainder with the divisor's sign. */
lower('Mod', (b, { a, b: c }) => {
  const remainder = b.binary('remainder', a, c);
  const zero = b.like(a, 0);
  const wrong = b.binary(
    'and',
    b.compare('NE', remainder, zero),
    b.compare('NE', b.compare('LT', remainder, zero), b.compare('LT', c, zero)),
  );
  return b.select(wrong, b.binary('add', remainder, c), remainder);
});

lower('SquaredDifference', (b, { a, b: c }) => square(b, b.binary('subtract', a, c)));

const comparisons: Record<string, Comparison> = {
  Equal: 'EQ',
  NotEqual: 'NE',
  Less: 'LT',
  LessEqual: 'LE',
  Greater: 'GT',
  GreaterEqual: 'GE',
};
for (const [kernel, direction] of Object.entries(comparisons)) {
  lower(kernel, (b, { a, b: c }) => b.compare(direction, a, c));
}

lower('Select', (b, { condition, t, e }) => {
  // A condition of lower rank chooses whole rows.
  const rank = t.type.shape.length;
  const missing = rank - condition.type.shape.length;
  const aligned =
    condition.type.shape.length > 0 && missing > 0
      ? b.reshape(condition, [...condition.type.shape, ...new Array<number>(missing).fill(1)])
      : condition;
  return b.select(aligned, t, e);
});

lower('Prelu', (b, inputs) => {
  const [x, alpha] = [b.convert(inputs.x, 'f32'), b.convert(inputs.alpha, 'f32')];
  return b.select(b.compare('GE', x, b.like(x, 0)), x, b.binary('multiply', x, alpha));
});

lower('AddN', (b, inputs) => Object.values(inputs).reduce((sum, value) => b.binary('add', sum, value)));

// Unary

const stablehlo: Record<string, string> = {
  Abs: 'abs',
  Neg: 'negate',
  Ceil: 'ceil',
  Floor: 'floor',
  Round: 'round_nearest_even',
  LogicalNot: 'not',
};
for (const [kernel, op] of Object.entries(stablehlo)) {
  lower(kernel, (b, { x }) => {
    const isInteger = x.type.element === 'i32';
    return isInteger && ['Ceil', 'Floor', 'Round'].includes(kernel) ? x : b.unary(op, x);
  });
}

const floating: Record<string, ['stablehlo' | 'chlo', string]> = {
  Acos: ['chlo', 'acos'],
  Acosh: ['chlo', 'acosh'],
  Asin: ['chlo', 'asin'],
  Asinh: ['chlo', 'asinh'],
  Atan: ['chlo', 'atan'],
  Atanh: ['chlo', 'atanh'],
  Cos: ['stablehlo', 'cosine'],
  Cosh: ['chlo', 'cosh'],
  Erf: ['chlo', 'erf'],
  Exp: ['stablehlo', 'exponential'],
  Expm1: ['stablehlo', 'exponential_minus_one'],
  Log: ['stablehlo', 'log'],
  Log1p: ['stablehlo', 'log_plus_one'],
  Rsqrt: ['stablehlo', 'rsqrt'],
  Sigmoid: ['stablehlo', 'logistic'],
  Sin: ['stablehlo', 'sine'],
  Sinh: ['chlo', 'sinh'],
  Sqrt: ['stablehlo', 'sqrt'],
  Tanh: ['stablehlo', 'tanh'],
};
for (const [kernel, [dialect, op]] of Object.entries(floating)) {
  lower(kernel, (b, { x }) => b.unary(op, b.convert(x, 'f32'), dialect));
}

/** Near its poles the tangent magnifies rounding errors beyond those of its value: in float64. */
lower('Tan', (b, { x }) => b.convert(b.unary('tan', b.convert(x, 'f64'), 'chlo'), 'f32'));

/** 0 for NaN, as in tfjs. */
lower('Sign', (b, { x }) => {
  const sign = b.unary('sign', x);
  return x.type.element === 'f32' ? b.select(isNan(b, x), b.like(x, 0), sign) : sign;
});
lower('Square', (b, { x }) => square(b, x));
lower('Reciprocal', (b, { x }) => b.binary('divide', b.like(x, 1), x));
lower('IsFinite', (b, { x }) => {
  const type = tensorType('i1', x.type.shape);
  return b.emit(`stablehlo.is_finite ${x.name} : (${x.type.text}) -> ${type.text}`, type);
});
lower('IsNan', (b, { x }) => isNan(b, x));
lower('IsInf', (b, { x }) => b.compare('EQ', b.unary('abs', x), b.like(x, Number.POSITIVE_INFINITY)));
lower('Relu', (b, { x }) => relu(b, x));
lower('Relu6', (b, { x }) => relu6(b, x));
lower('LeakyRelu', (b, { x }, { alpha }) => leakyRelu(b, b.convert(x, 'f32'), alpha as number));
lower('Elu', (b, { x }) => elu(b, x));
lower('Selu', (b, { x }) => {
  const scale = 1.0507009873554805;
  const alpha = 1.6732632423543772;
  const negative = b.binary('multiply', b.unary('exponential_minus_one', x), b.like(x, scale * alpha));
  return b.select(b.compare('GE', x, b.like(x, 0)), b.binary('multiply', x, b.like(x, scale)), negative);
});
/** dy where y >= 0, else dy (y + 1): the derivative of exp(x) - 1 in terms of its value. */
lower('EluGrad', (b, { dy, y }) =>
  b.select(b.compare('GE', y, b.like(y, 0)), dy, b.binary('multiply', dy, b.binary('add', y, b.like(y, 1)))),
);
lower('Softplus', (b, { x }) => {
  // log(1 + e^x) = max(x, 0) + log1p(e^-|x|), which cannot overflow.
  const tail = b.unary('log_plus_one', b.unary('exponential', b.unary('negate', b.unary('abs', x))));
  return b.binary('add', b.binary('maximum', x, b.like(x, 0)), tail);
});
/** 1 above 0, `alpha` below and at it, NaN for NaN. */
lower('Step', (b, { x }, { alpha }) => {
  const step = b.select(
    b.compare('GT', x, b.like(x, 0)),
    b.like(x, 1),
    b.like(x, (alpha as number | undefined) ?? 0),
  );
  return x.type.element === 'f32' ? b.select(isNan(b, x), x, step) : step;
});
lower('ClipByValue', (b, { x }, { clipValueMin, clipValueMax }) =>
  b.binary(
    'minimum',
    b.binary('maximum', x, b.like(x, clipValueMin as number)),
    b.like(x, clipValueMax as number),
  ),
);

/** Of a complex number the real part is taken, as in tfjs. */
lower('Cast', ((b, inputs, { dtype }) => {
  if (dtype === 'complex64') return toComplex(b, inputs.x);
  const x = inputs.x.type.element === 'complex<f32>' ? realPart(b, inputs.x) : inputs.x;
  switch (dtype) {
    case 'float32':
      return b.convert(x, 'f32');
    case 'int32':
      return b.convert(x, 'i32');
    case 'bool':
      return x.type.element === 'i1' ? x : b.compare('NE', x, b.like(x, 0));
    default:
      throw new NotLowered(`cast to ${dtype}`);
  }
}) satisfies Lowering);

// Shared with fused kernels

export function square(b: FunctionBuilder, x: Value): Value {
  return b.binary('multiply', x, x);
}

export function isNan(b: FunctionBuilder, x: Value): Value {
  return b.compare('NE', x, x);
}

function relu(b: FunctionBuilder, x: Value): Value {
  return b.binary('maximum', x, b.like(x, 0));
}

function relu6(b: FunctionBuilder, x: Value): Value {
  return b.binary('minimum', relu(b, x), b.like(x, 6));
}

function elu(b: FunctionBuilder, x: Value): Value {
  return b.select(b.compare('GE', x, b.like(x, 0)), x, b.unary('exponential_minus_one', x));
}

function leakyRelu(b: FunctionBuilder, x: Value, alpha: number): Value {
  return b.select(b.compare('GT', x, b.like(x, 0)), x, b.binary('multiply', x, b.like(x, alpha)));
}

/** The activations that tfjs fuses into matrix products and convolutions. */
export function activation(
  b: FunctionBuilder,
  x: Value,
  name: string,
  alpha: Value | undefined,
  slope: number,
): Value {
  switch (name) {
    case 'linear':
      return x;
    case 'relu':
      return relu(b, x);
    case 'relu6':
      return relu6(b, x);
    case 'elu':
      return elu(b, x);
    case 'sigmoid':
      return b.unary('logistic', x);
    case 'prelu':
      return b.select(b.compare('GE', x, b.like(x, 0)), x, b.binary('multiply', x, alpha!));
    case 'leakyrelu':
      return leakyRelu(b, x, slope);
    default:
      throw new NotLowered(`fused activation ${name}`);
  }
}
