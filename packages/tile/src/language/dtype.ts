import { misuse } from './caller.js';

/** What can lie in memory, and what a pointer can point to. */
export type StoredDtype = 'float32' | 'bfloat16' | 'float16' | 'int32' | 'uint32';

/** What a tile can hold: what lies in memory, and the truth values of comparisons. */
export type Dtype = StoredDtype | 'bool';

/** The stored types. */
export const storedDtypes: readonly StoredDtype[] = ['float32', 'bfloat16', 'float16', 'int32', 'uint32'];

/** The types of tiles. */
export const dtypes: readonly Dtype[] = [...storedDtypes, 'bool'];

/** @throws Error when there is no such type, or it is none of those that are expected */
export function checkDtype(operation: string, dtype: Dtype, expected: readonly Dtype[]): void {
  if (!expected.includes(dtype)) {
    throw misuse(operation, `expected one of ${expected.join(', ')}, got ${String(dtype)}`);
  }
}

/** Bytes of one element in memory. */
export const bytesOf: Record<StoredDtype, number> = {
  float32: 4,
  bfloat16: 2,
  float16: 2,
  int32: 4,
  uint32: 4,
};

export function isFloat(dtype: Dtype): boolean {
  return dtype === 'float32' || isHalf(dtype);
}

/** Types for storage and for the operands of products; they have no arithmetic of their own. */
export function isHalf(dtype: Dtype): boolean {
  return dtype === 'bfloat16' || dtype === 'float16';
}

/** The least and the largest integer of a type. */
export function integerRange(dtype: 'int32' | 'uint32'): readonly [number, number] {
  return dtype === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
}

export function isInteger(dtype: Dtype): dtype is 'int32' | 'uint32' {
  return dtype === 'int32' || dtype === 'uint32';
}
