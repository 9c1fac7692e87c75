/** Numbers in row-major order. */
export type RealArray = Float32Array | Float64Array;

/** Throws unless every value is a finite number: a decomposition of NaN would not end, or would look like a result. */
export function requireFinite(values: RealArray, where: string): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index >= 0) throw new Error(`${where}: value ${index} is ${values[index]}, expected finite numbers`);
}

/** Throws unless `value` is a whole number from 1 on. */
export function requireCount(value: number, where: string): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${where} must be a whole number from 1 on, got ${value}`);
  }
}
