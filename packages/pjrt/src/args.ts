import koffi from 'koffi';

/**
 * An argument struct of the PJRT C API: `struct_size`, `extension_start`, then fields at fixed byte offsets.
 *
 * Memory that a field points to is kept alive as long as the struct is.
 */
export class Args {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #pointees: unknown[] | undefined;

  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
    this.setWord(0, BigInt(size));
  }

  /** A size, a handle or any other 64-bit field. */
  setWord(offset: number, value: bigint | number): this {
    this.#view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
    return this;
  }

  setInt32(offset: number, value: number): this {
    this.#view.setInt32(offset, value, true);
    return this;
  }

  setFloat32(offset: number, value: number): this {
    this.#view.setFloat32(offset, value, true);
    return this;
  }

  /** A pointer to memory of ours: another struct, or a typed array. */
  setPointer(offset: number, target: Args | ArrayBufferView): this {
    const bytes = target instanceof Args ? target.bytes : target;
    this.#pointees ??= [];
    this.#pointees.push(target);
    return this.setWord(offset, addressOf(bytes));
  }

  word(offset: number): bigint {
    return this.#view.getBigUint64(offset, true);
  }

  int64(offset: number): number {
    return Number(this.#view.getBigInt64(offset, true));
  }

  int32(offset: number): number {
    return this.#view.getInt32(offset, true);
  }

  bool(offset: number): boolean {
    return this.#view.getUint8(offset) !== 0;
  }

  /** The text that a (pointer, size) pair of fields names. */
  text(offset: number): string {
    return Buffer.from(copyMemory(this.word(offset), Number(this.word(offset + 8)))).toString('utf8');
  }

  /** A copy of the bytes that a (pointer, size) pair of fields names. */
  data(offset: number): Uint8Array {
    return copyMemory(this.word(offset), Number(this.word(offset + 8)));
  }
}

/** The address of a typed array's memory. Asking for it moves a small array out of the garbage-collected heap for good. */
export function addressOf(view: ArrayBufferView): bigint {
  return koffi.address(view);
}

/** Copies native memory: what a plugin hands out lives only as long as the object it belongs to. */
export function copyMemory(address: bigint, size: number): Uint8Array {
  if (size === 0) return new Uint8Array(0);
  return new Uint8Array(koffi.view(address, size).slice(0));
}

/** A list of handles at a native address. */
export function readHandles(address: bigint, count: number): bigint[] {
  const bytes = copyMemory(address, 8 * count);
  return [...new BigUint64Array(bytes.buffer, bytes.byteOffset, count)];
}
