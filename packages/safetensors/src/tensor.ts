/** The typed array that holds the elements of each dtype. BOOL is one byte per element, 0 or 1. */
export interface ArrayOf {
  F64: Float64Array;
  F32: Float32Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
  I32: Int32Array;
  U32: Uint32Array;
  I16: Int16Array;
  U16: Uint16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

/** An element type that JavaScript has an array for. */
export type DType = keyof ArrayOf;

/** Elements in row-major order: `data.length` is the product of `shape`, 1 for shape []. */
export type SafeTensor<D extends DType = DType> = {
  [K in D]: { dtype: K; shape: number[]; data: ArrayOf[K] };
}[D];

/** The contents of a file: tensors in the order of their data, and the free-form metadata. */
export interface SafeTensorsFile {
  tensors: Map<string, SafeTensor>;
  /** The header's `__metadata__`; empty when there is none. */
  metadata: Map<string, string>;
}

type ArrayConstructor = {
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): ArrayOf[DType];
};

export const arrayTypes: Readonly<Record<DType, ArrayConstructor>> = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

export function isDType(name: string): name is DType {
  return Object.hasOwn(arrayTypes, name);
}

export function bytesPerElement(dtype: DType): number {
  return arrayTypes[dtype].BYTES_PER_ELEMENT;
}

/** The number of elements of a shape, or undefined where it passes 2^53. */
export function elementCount(shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const n of shape) {
    count *= n;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/** The elements' bytes, not copied. */
export function bytesOf(data: ArrayOf[DType]): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The format is little-endian, and so are the typed arrays of every machine that Node.js is published for but one. */
export function requireLittleEndian(caller: string): void {
  if (new Uint8Array(Uint16Array.of(1).buffer)[0] !== 1) {
    throw new Error(`${caller}: safetensors files are little-endian; this machine is not`);
  }
}
