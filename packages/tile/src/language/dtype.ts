/** What can lie in memory, and what a pointer can point to. */
export type StoredDtype = 'float32' | 'bfloat16' | 'float16' | 'int32' | 'uint32';

/** What a tile can hold: what lies in memory, and the truth values of comparisons. */
export type Dtype = StoredDtype | 'bool';

/** The stored types. */
export const storedDtypes: readonly StoredDtype[] = ['float32', 'bfloat16', 'float16', 'int32', 'uint32'];

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

export function isInteger(dtype: Dtype): boolean {
  return dtype === 'int32' || dtype === 'uint32';
}
