/** Element types of buffers, by their StableHLO names, with PJRT's numbers and the bytes that one element takes. */
const elementTypes = {
  i1: { code: 1, bytes: 1 },
  i8: { code: 2, bytes: 1 },
  i32: { code: 4, bytes: 4 },
  i64: { code: 5, bytes: 8 },
  ui8: { code: 6, bytes: 1 },
  ui32: { code: 8, bytes: 4 },
  f16: { code: 10, bytes: 2 },
  f32: { code: 11, bytes: 4 },
  f64: { code: 12, bytes: 8 },
  bf16: { code: 13, bytes: 2 },
  'complex<f32>': { code: 14, bytes: 8 },
} as const;

/** The types of an array's elements, by their names in StableHLO. */
export type ElementType = keyof typeof elementTypes;

export function elementCode(type: ElementType): number {
  return elementTypes[type].code;
}

/** @throws Error when the type is none that this package knows */
export function elementOfCode(code: number): ElementType {
  const found = Object.entries(elementTypes).find(([, type]) => type.code === code);
  if (found === undefined) throw new Error(`PJRT element type ${code} is not known here`);
  return found[0] as ElementType;
}

/** The size of one element in bytes. */
export function elementBytes(type: ElementType): number {
  return elementTypes[type].bytes;
}

/** The size of a dense array in bytes. */
export function byteSize(type: ElementType, shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, elementBytes(type));
}
