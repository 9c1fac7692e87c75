import { headerLength, lengthBytes, parseHeader } from './header.js';
import { arrayTypes, requireLittleEndian, type SafeTensor, type SafeTensorsFile } from './tensor.js';

/**
 * Tensors and metadata from the bytes of a safetensors file.
 *
 * The whole header is checked before any tensor is allocated: sizes, dtypes, shapes, offsets without gap or overlap,
 * nothing left over. The arrays are copies, so `bytes` may be reused.
 *
 * @throws Error that names the tensor and the reason when the file is malformed or holds a dtype that JavaScript has no
 *   array for (F16, BF16 and the 8-bit floats)
 */
export function readSafetensors(bytes: Uint8Array): SafeTensorsFile {
  requireLittleEndian('readSafetensors');
  const fail = (reason: string): never => {
    throw new Error(`readSafetensors: ${reason}`);
  };
  const length = headerLength(bytes, bytes.length, fail);
  const dataStart = lengthBytes + length;
  const { entries, metadata } = parseHeader(
    bytes.subarray(lengthBytes, dataStart),
    bytes.length - dataStart,
    fail,
  );
  const tensors = new Map<string, SafeTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    // A copy on its own buffer: data in the file need not be aligned to its element size.
    const copy = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { dtype, shape, data: new arrayTypes[dtype](copy.buffer) } as SafeTensor);
  }
  return { tensors, metadata };
}
