import { isWellFormed, lengthBytes, maxHeaderBytes } from './header.js';
import {
  arrayTypes,
  bytesOf,
  bytesPerElement,
  elementCount,
  isDType,
  requireLittleEndian,
  type SafeTensor,
} from './tensor.js';

/** Tensors by name. A Map takes every name; in an object literal `__proto__` would not be a key. */
export type NamedTensors = ReadonlyMap<string, SafeTensor> | Readonly<Record<string, SafeTensor>>;

/** Free-form strings for the header's `__metadata__`. */
export type Metadata = ReadonlyMap<string, string> | Readonly<Record<string, string>>;

/**
 * The bytes of a safetensors file.
 *
 * The same tensors and metadata give the same bytes, in whatever order they come: data lie by element size, largest
 * first (so that each is aligned), then by name, as the official writer does.
 *
 * @throws Error that names the tensor when its data do not fit its dtype and shape, or its name is reserved
 */
export function writeSafetensors(tensors: NamedTensors, metadata: Metadata = {}): Uint8Array {
  const parts = fileParts('writeSafetensors', tensors, metadata);
  const bytes = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The file in pieces: length and header, then each tensor's bytes, not copied. */
export function fileParts(caller: string, tensors: NamedTensors, metadata: Metadata): Uint8Array[] {
  requireLittleEndian(caller);
  const named = entriesOf(tensors);
  for (const [name, tensor] of named) checkTensor(caller, name, tensor);
  named.sort(
    ([a, { dtype: s }], [b, { dtype: t }]) => bytesPerElement(t) - bytesPerElement(s) || (a < b ? -1 : 1),
  );

  const fields: string[] = [];
  const strings = entriesOf(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (strings.length > 0) {
    fields.push(`"__metadata__":{${strings.map((entry) => metadataField(caller, entry)).join(',')}}`);
  }
  let offset = 0;
  for (const [name, { dtype, shape, data }] of named) {
    const end = offset + data.byteLength;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  // Spaces fill up to a multiple of 8, so that the data start aligned.
  const length = Math.ceil(json.length / 8) * 8;
  if (length > maxHeaderBytes) {
    throw new Error(
      `${caller}: the header would take ${length} bytes, above the format's limit of ${maxHeaderBytes}; ` +
        'store fewer tensors or less metadata',
    );
  }
  const head = new Uint8Array(lengthBytes + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, lengthBytes);
  return [head, ...named.map(([, { data }]) => bytesOf(data))];
}

function entriesOf<T>(named: ReadonlyMap<string, T> | Readonly<Record<string, T>>): [string, T][] {
  // Not instanceof: a notebook's cells run in a realm of their own, with a Map of their own.
  return Symbol.iterator in named ? [...(named as ReadonlyMap<string, T>)] : Object.entries(named);
}

function checkTensor(caller: string, name: string, { dtype, shape, data }: SafeTensor): void {
  const fail = (reason: string): never => {
    throw new Error(`${caller}: tensor ${JSON.stringify(name)}: ${reason}`);
  };
  if (name === '__metadata__') fail('this name is reserved for the metadata; give the tensor another one');
  if (!isWellFormed(name)) fail('the name has half of a surrogate pair, which has no UTF-8 form');
  if (!isDType(dtype)) fail(`dtype must be one of ${Object.keys(arrayTypes).join(', ')}, got ${dtype}`);
  const given = Object.prototype.toString.call(data).slice('[object '.length, -1);
  if (given !== arrayTypes[dtype].name) {
    fail(`dtype ${dtype} needs data in a ${arrayTypes[dtype].name}, got ${given}`);
  }
  if (!Array.isArray(shape) || shape.some((n) => !Number.isSafeInteger(n) || n < 0)) {
    fail(`shape must hold non-negative integers, got ${JSON.stringify(shape)}`);
  }
  if (elementCount(shape) !== data.length) fail(`shape [${shape}] does not fit ${data.length} elements`);
}

function metadataField(caller: string, [key, value]: [string, string]): string {
  if (typeof value !== 'string' || !isWellFormed(key) || !isWellFormed(value)) {
    throw new Error(
      `${caller}: metadata ${JSON.stringify(key)} must be a well-formed string, got ${typeof value}; ` +
        'write other values as JSON text',
    );
  }
  return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
}
