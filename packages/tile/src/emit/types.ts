import type { Dtype } from '../language/dtype.js';
import type { Tile } from '../language/tile.js';

/** Types of elements in MLIR; integers have no sign there, their operations do. */
export const elementTypes: Record<Dtype, string> = {
  float32: 'f32',
  bfloat16: 'bf16',
  float16: 'f16',
  int32: 'i32',
  uint32: 'i32',
  bool: 'i1',
};

/** `element` itself for a scalar, else a tensor of it. */
export function shaped(shape: readonly number[], element: string): string {
  return shape.length === 0 ? element : `tensor<${shape.join('x')}x${element}>`;
}

export function typeOf(tile: Tile): string {
  return shaped(tile.shape, elementTypes[tile.dtype]);
}

/** A number as MLIR writes it for a type. */
export function literal(value: number, dtype: Dtype): string {
  if (dtype === 'bool') return value === 0 ? 'false' : 'true';
  if (dtype === 'int32' || dtype === 'uint32') return String(value | 0);
  if (!Number.isFinite(value)) return bitPattern(value, dtype);
  // The shortest digits that mean this double, which the type holds exactly. MLIR asks for a point.
  const [mantissa, exponent] = value.toExponential().split('e');
  const sign = Object.is(value, -0) ? '-' : '';
  return `${sign}${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${exponent}`;
}

/** Infinity and NaN have no decimal form. */
function bitPattern(value: number, dtype: Dtype): string {
  const sign = value < 0 ? 1 : 0;
  const quiet = Number.isNaN(value);
  if (dtype === 'float32') return hex((sign ? 0xff800000 : 0x7f800000) | (quiet ? 0x400000 : 0), 8);
  if (dtype === 'bfloat16') return hex((sign ? 0xff80 : 0x7f80) | (quiet ? 0x40 : 0), 4);
  return hex((sign ? 0xfc00 : 0x7c00) | (quiet ? 0x200 : 0), 4);
}

function hex(bits: number, digits: number): string {
  return `0x${(bits >>> 0).toString(16).toUpperCase().padStart(digits, '0')}`;
}
