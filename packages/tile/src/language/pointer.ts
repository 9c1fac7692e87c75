import { append, currentBlock } from './build.js';
import { CallSite, misuse } from './caller.js';
import { constant } from './constant.js';
import type { StoredDtype } from './dtype.js';
import { asTile, atOneShape, requireDtype, visible } from './operands.js';
import { describe, sameShape } from './shape.js';
import { type Operand, Tile } from './tile.js';

/** What a kernel's parameter is: an array that it reads, or one that it writes. */
export interface Parameter {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly direction: 'input' | 'output';
}

/** Which elements of a load are wanted, and what stands for the others. */
export interface LoadOptions {
  /** bool, of the offsets' shape; where it is false, nothing is read. */
  mask?: Tile;
  /** What a masked element is; default 0. */
  other?: Operand;
}

/** Which elements of a store are meant. */
export interface StoreOptions {
  /** bool, of the offsets' shape; where it is false, nothing is written. */
  mask?: Tile;
}

/** Where a pointer points: to an array's first element, further on than another, or to one of two places. */
export type Place =
  | { readonly kind: 'array'; readonly parameter: Parameter }
  | { readonly kind: 'moved'; readonly from: Place; readonly by: Tile }
  | { readonly kind: 'chosen'; readonly condition: Tile; readonly left: Place; readonly right: Place };

/** The arrays that a pointer may point into, in their order. */
export function arraysOf(place: Place): Parameter[] {
  if (place.kind === 'array') return [place.parameter];
  if (place.kind === 'moved') return arraysOf(place.from);
  return [...new Set([...arraysOf(place.left), ...arraysOf(place.right)])];
}

/** @throws Error when something that the pointer was made with does not exist where the kernel is being written */
function visiblePlace(operation: string, place: Place): void {
  if (place.kind === 'moved') {
    visible(operation, place.by);
    visiblePlace(operation, place.from);
  } else if (place.kind === 'chosen') {
    visible(operation, place.condition);
    visiblePlace(operation, place.left);
    visiblePlace(operation, place.right);
  }
}

/** A place in an array of the device's memory. Offsets count elements, not bytes. */
export class Pointer {
  /** @internal */
  constructor(
    /** Type of the elements. */
    readonly dtype: StoredDtype,
    /** @internal */
    readonly place: Place,
  ) {}

  /** The place `elements` further on: an int32 scalar or a number, which may be different in each program. */
  plus(elements: Operand): this {
    const by = offsetTile('plus', elements);
    if (by.rank > 0) {
      throw misuse(
        'plus',
        `a pointer moves by a scalar, got ${describe(by)}; offsets of many elements go to load and store`,
      );
    }
    return this.at({ kind: 'moved', from: this.place, by });
  }

  /** A pointer of this kind to another place. @internal */
  at(place: Place): this {
    return new (this.constructor as new (dtype: StoredDtype, place: Place) => this)(this.dtype, place);
  }

  /**
   * The elements at these offsets, a tile of the offsets' shape.
   *
   * @param offsets int32
   */
  load(offsets: Operand, { mask, other = 0 }: LoadOptions = {}): Tile {
    visiblePlace('load', this.place);
    const at = offsetTile('load', offsets);
    const like = new Tile(this.dtype, at.shape, currentBlock('load'));
    if (mask === undefined) return this.#load(at);
    requireDtype('load: mask', mask, ['bool']);
    const filler = asTile('load: other', other, like);
    if (filler.dtype !== this.dtype) {
      throw misuse('load: other', `expected ${this.dtype}, as in memory, got ${describe(filler)}`);
    }
    const [places, wanted, fill] = atOneShape('load', [at, mask, filler]);
    checkPlaces('load', at, places);
    return this.#load(places, wanted, fill);
  }

  #load(offsets: Tile, mask?: Tile, other?: Tile): Tile {
    const result = new Tile(this.dtype, offsets.shape, currentBlock('load'));
    append({
      kind: 'load',
      pointer: this,
      offsets,
      ...(mask && { mask, other }),
      result,
      site: new CallSite(),
    });
    return result;
  }
}

/** A pointer into an array that the kernel reads. */
export class InputPointer extends Pointer {}

/** A pointer into an array that the kernel makes. It begins with anything in it, so that each element must be stored. */
export class OutputPointer extends Pointer {
  /**
   * Writes a value to the elements at these offsets. No two programs may write the same element, nor may one read what
   * another writes: they run in no particular order.
   *
   * @param offsets int32
   * @param value of the pointer's type
   */
  store(offsets: Operand, value: Operand, { mask }: StoreOptions = {}): void {
    visiblePlace('store', this.place);
    const at = offsetTile('store', offsets);
    const given = asTile('store', value, new Tile(this.dtype, [], currentBlock('store')));
    if (given.dtype !== this.dtype) {
      throw misuse(
        'store',
        `${arraysOf(this.place)[0].name} holds ${this.dtype}, got ${describe(given)}; cast it to ${this.dtype}`,
      );
    }
    if (mask !== undefined) requireDtype('store: mask', mask, ['bool']);
    const fitted = atOneShape('store', mask === undefined ? [at, given] : [at, given, mask]);
    checkPlaces('store', at, fitted[0]);
    append({
      kind: 'store',
      pointer: this,
      offsets: fitted[0],
      value: fitted[1],
      ...(mask && { mask: fitted[2] }),
      site: new CallSite(),
    });
  }
}

function offsetTile(operation: string, offsets: Operand): Tile {
  if (typeof offsets === 'number') return constant(operation, offsets, 'int32', []);
  visible(operation, offsets);
  if (offsets.dtype !== 'int32') {
    throw misuse(operation, `offsets must be int32, got ${describe(offsets)}`);
  }
  return offsets;
}

/** @throws Error when one place would stand for several elements */
function checkPlaces(operation: string, offsets: Tile, fitted: Tile): void {
  if (sameShape(offsets.shape, fitted.shape)) return;
  throw misuse(
    operation,
    `the offsets have shape [${offsets.shape.join(', ')}], value and mask together [${fitted.shape.join(', ')}]; ` +
      'give each element its offset',
  );
}
