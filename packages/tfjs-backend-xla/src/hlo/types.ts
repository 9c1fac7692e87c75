import type { ElementType } from '@primal-attention/pjrt';
import type { DataType } from '@tensorflow/tfjs-core';

/** The type of an array in a program. Interned: equal types are the same object. */
export interface TensorType {
  readonly element: ElementType;
  readonly shape: readonly number[];
  /** As StableHLO writes it: `tensor<2x3xf32>`. */
  readonly text: string;
}

const interned = new Map<string, TensorType>();

export function tensorType(element: ElementType, shape: readonly number[]): TensorType {
  const text = shape.length === 0 ? `tensor<${element}>` : `tensor<${shape.join('x')}x${element}>`;
  let type = interned.get(text);
  if (type === undefined) {
    type = Object.freeze({ element, shape: Object.freeze([...shape]), text });
    interned.set(text, type);
  }
  return type;
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const elementOfDtype: Partial<Record<DataType, ElementType>> = {
  float32: 'f32',
  int32: 'i32',
  bool: 'i1',
  complex64: 'complex<f32>',
};

/** The element type that holds a tfjs dtype on the device; undefined for those that stay on the host (string). */
export function elementOf(dtype: DataType): ElementType | undefined {
  return elementOfDtype[dtype];
}

export function dtypeOf(element: ElementType): DataType {
  switch (element) {
    case 'f32':
      return 'float32';
    case 'i32':
      return 'int32';
    case 'i1':
      return 'bool';
    case 'complex<f32>':
      return 'complex64';
    default:
      throw new Error(`no tfjs dtype for the element type ${element}`);
  }
}
