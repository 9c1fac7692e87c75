import type { StoredDtype } from '../language/dtype.js';
import { roundAll } from '../language/rounding.js';

/** Values of every type of tile: the smaller floats live in float32 arrays, bool as 0 and 1. */
export type Values = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** Values of what can lie in memory. */
export type StoredValues = Float32Array | Int32Array | Uint32Array;

/** New values of a type, all 0. */
export function newValues(dtype: StoredDtype, size: number): StoredValues {
  if (dtype === 'int32') return new Int32Array(size);
  if (dtype === 'uint32') return new Uint32Array(size);
  return new Float32Array(size);
}

/** What is known of an element's readers and writers: nobody, program n as n + 1, or several. */
const nobody = 0;
const several = -1;

/**
 * One array of the device, with a record of which program touched what. Programs run in no particular order, so that none may
 * read or write what another writes.
 */
export class Memory {
  readonly values: StoredValues;
  /** Of arrays that are written. */
  readonly #writers: Int32Array | undefined;
  readonly #readers: Int32Array | undefined;
  /** The store that last wrote an element, to tell lanes of one store apart. */
  readonly #stores: Int32Array | undefined;
  #store = 0;
  readonly #startsEmpty: boolean;

  constructor(
    /** As messages call it. */
    readonly name: string,
    readonly dtype: StoredDtype,
    { size, from, isWritten }: { size: number; from?: ArrayLike<number>; isWritten: boolean },
  ) {
    this.values = newValues(dtype, size);
    if (from !== undefined) {
      this.values.set(from);
      if (this.values instanceof Float32Array) roundAll(dtype, this.values);
    }
    this.#startsEmpty = from === undefined;
    if (isWritten) {
      this.#writers = new Int32Array(size);
      this.#readers = new Int32Array(size);
      this.#stores = new Int32Array(size);
    }
  }

  /** @param program its number, from 0 */
  read(index: number, program: number): number {
    if (!(index >= 0 && index < this.values.length)) throw this.#outOfRange(index);
    if (this.#writers !== undefined && this.#readers !== undefined) {
      const writer = this.#writers[index];
      if (writer !== nobody && writer !== program + 1) throw this.#race(index, 'read', writer - 1);
      if (writer === nobody && this.#startsEmpty) {
        throw new Error(
          `${this.name}[${index}] is read before it is written: an output begins with anything in it`,
        );
      }
      const reader = this.#readers[index];
      this.#readers[index] = reader === nobody || reader === program + 1 ? program + 1 : several;
    }
    return this.values[index];
  }

  /** Tells that a store begins: within one, lanes are not ordered. */
  beginStore(): void {
    this.#store++;
  }

  /** @param program its number, from 0 */
  write(index: number, value: number, program: number): void {
    if (!(index >= 0 && index < this.values.length)) throw this.#outOfRange(index);
    const [writers, readers, stores] = [this.#writers, this.#readers, this.#stores];
    if (writers === undefined || readers === undefined || stores === undefined) {
      throw new Error(`${this.name} is an input and cannot be written`);
    }
    const writer = writers[index];
    if (writer !== nobody && writer !== program + 1) throw this.#race(index, 'written', writer - 1);
    const reader = readers[index];
    if (reader !== nobody && reader !== program + 1) {
      throw new Error(
        `${this.name}[${index}] is written, but another program has read it: their order is open`,
      );
    }
    if (stores[index] === this.#store && !Object.is(this.values[index], value)) {
      throw new Error(
        `${this.name}[${index}] is written twice by one store, with ${this.values[index]} and ${value}`,
      );
    }
    writers[index] = program + 1;
    stores[index] = this.#store;
    this.values[index] = value;
  }

  /** The first element that nobody wrote, of an array that began empty. */
  get unwritten(): number | undefined {
    const at = this.#startsEmpty ? (this.#writers?.indexOf(nobody) ?? -1) : -1;
    return at === -1 ? undefined : at;
  }

  #outOfRange(index: number): Error {
    return new Error(`${this.name}[${index}] is out of range: it has ${this.values.length} elements`);
  }

  #race(index: number, how: string, writer: number): Error {
    return new Error(
      `${this.name}[${index}] is ${how}, but program number ${writer} has written it: their order is open`,
    );
  }
}
