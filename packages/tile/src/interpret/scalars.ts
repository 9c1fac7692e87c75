import type { Dtype } from '../language/dtype.js';
import type { BinaryName, ComparisonName, UnaryName } from '../language/op.js';
import { erf } from './special.js';

/*
 * Operations on one element, in double precision. Storing the result in an array of its type rounds float32 to nearest and
 * wraps integers at 32 bits, so that an addition, a subtraction or a product of float32 is exact to the bit. A device's quotient
 * (div.full.f32) is not rounded to nearest, and its product and sum (fma.rn.f32) are rounded together.
 */

type Unary = (x: number) => number;
type Binary = (a: number, b: number) => number;

const floatUnary: Partial<Record<UnaryName, Unary>> = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  exp2: (x) => (x < -126 ? 0 : 2 ** x),
  log: Math.log,
  sqrt: Math.sqrt,
  // What a device takes as 0 keeps its sign, and 1 / sqrt(-0) is -Infinity.
  rsqrt: (x) => 1 / Math.sqrt(Math.abs(x) < 2 ** -126 ? 0 * x : x),
  erf,
};

const integerUnary: Partial<Record<UnaryName, Unary>> = {
  neg: (x) => -x,
  abs: Math.abs,
  not: (x) => ~x,
};

export function unaryFunction(name: UnaryName, dtype: Dtype): Unary {
  if (dtype === 'bool') return (x) => 1 - x;
  const found = (dtype === 'float32' ? floatUnary : integerUnary)[name];
  if (found === undefined) throw new Error(`interpret: ${name} has no form for ${dtype}`);
  return found;
}

const floatBinary: Partial<Record<BinaryName, Binary>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
};

/** What the device leaves undefined is an error here. */
class Undefined extends Error {}

const divide = (how: Binary): Binary => {
  return (a, b) => {
    if (b === 0) throw new Undefined(`${a} divided by 0`);
    // 2^31 is no int32; the instruction may give anything for the remainder, too.
    if (a === -(2 ** 31) && b === -1) throw new Undefined(`${a} divided by -1`);
    return how(a, b);
  };
};

const shift = (how: Binary): Binary => {
  return (a, b) => {
    if (b < 0 || b > 31) throw new Undefined(`a shift by ${b} bits`);
    return how(a, b);
  };
};

const integerBinary: Record<BinaryName, Binary> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  div: divide((a, b) => Math.trunc(a / b)),
  rem: divide((a, b) => a % b),
  maximum: Math.max,
  minimum: Math.min,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: shift((a, b) => a << b),
  shr: shift((a, b) => a >> b),
};

const unsignedShift = shift((a, b) => a >>> b);

export function binaryFunction(name: BinaryName, dtype: Dtype): Binary {
  if (dtype === 'uint32' && name === 'shr') return unsignedShift;
  const found = (dtype === 'float32' ? floatBinary : integerBinary)[name];
  if (found === undefined) throw new Error(`interpret: ${name} has no form for ${dtype}`);
  return found;
}

export const comparisons: Record<ComparisonName, (a: number, b: number) => boolean> = {
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  greater: (a, b) => a > b,
  greaterEqual: (a, b) => a >= b,
};

/** A float as an integer, cut towards zero. @throws Error where the type has no such integer */
export function toInteger(value: number, dtype: 'int32' | 'uint32'): number {
  const whole = Math.trunc(value);
  const fits = dtype === 'int32' ? whole >= -(2 ** 31) && whole < 2 ** 31 : whole >= 0 && whole < 2 ** 32;
  if (!fits) throw new Undefined(`${value} as ${dtype}`);
  return whole;
}
