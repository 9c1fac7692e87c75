import { append, currentBlock } from './build.js';
import { CallSite, misuse } from './caller.js';
import { checkDtype, type Dtype, isHalf, storedDtypes } from './dtype.js';
import type { Block } from './op.js';
import { broadcast, requireDtype, visible } from './operands.js';
import { arithmetic, bitwise, compare, float32, reduce, shift, unary } from './operations.js';
import { checkAxis, checkShape, describe, sameShape, sizeOf } from './shape.js';

/** What stands on the right of an operation: a tile, or a number, which takes the tile's type. */
export type Operand = Tile | number;

/**
 * A value of a kernel: an array of a shape that is known while the kernel is written, or a scalar (shape []).
 *
 * Sizes are powers of two. In operations of two tiles a scalar fits any shape, and a size of 1 any size; tiles of unlike rank
 * do not fit (see {@link Tile.expandDims}). Arithmetic is done in float32, int32 and uint32. The smaller floats are for
 * memory and for the operands of `dot`: cast before and after.
 */
export class Tile {
  /** @internal */
  constructor(
    readonly dtype: Dtype,
    readonly shape: readonly number[],
    /** @internal */
    readonly block: Block,
  ) {}

  /** Number of axes; 0 for a scalar. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Sum. Integers wrap at 32 bits. */
  add(other: Operand): Tile {
    return arithmetic('add', this, other);
  }

  /** Difference. Integers wrap at 32 bits. */
  sub(other: Operand): Tile {
    return arithmetic('sub', this, other);
  }

  /** Product, element by element. Integers wrap at 32 bits. */
  mul(other: Operand): Tile {
    return arithmetic('mul', this, other);
  }

  /** Quotient. Of integers its whole part, cut towards zero; dividing by 0 is undefined. */
  div(other: Operand): Tile {
    return arithmetic('div', this, other);
  }

  /** What integer division leaves, with the sign of the dividend. */
  rem(other: Operand): Tile {
    requireDtype('rem', this, ['int32', 'uint32']);
    return arithmetic('rem', this, other);
  }

  /** The larger one; NaN where either is NaN. */
  maximum(other: Operand): Tile {
    return arithmetic('maximum', this, other);
  }

  /** The smaller one; NaN where either is NaN. */
  minimum(other: Operand): Tile {
    return arithmetic('minimum', this, other);
  }

  /** Bitwise of integers, logical of bool. */
  and(other: Operand): Tile {
    return bitwise('and', this, other);
  }

  /** Bitwise of integers, logical of bool. */
  or(other: Operand): Tile {
    return bitwise('or', this, other);
  }

  /** Bitwise of integers, logical of bool. */
  xor(other: Operand): Tile {
    return bitwise('xor', this, other);
  }

  /** Bitwise of integers, logical of bool. */
  not(): Tile {
    requireDtype('not', this, ['int32', 'uint32', 'bool']);
    return unary('not', this);
  }

  /** Shift to the left, by 0..31 bits. */
  shl(bits: Operand): Tile {
    return shift('shl', this, bits);
  }

  /** Shift to the right, by 0..31 bits: of int32 with the sign, of uint32 with zeros. */
  shr(bits: Operand): Tile {
    return shift('shr', this, bits);
  }

  /** this = other, as bool. */
  equal(other: Operand): Tile {
    return compare('equal', this, other);
  }

  /** this != other, as bool; true where either is NaN. */
  notEqual(other: Operand): Tile {
    return compare('notEqual', this, other);
  }

  /** this < other, as bool. */
  less(other: Operand): Tile {
    return compare('less', this, other);
  }

  /** this <= other, as bool. */
  lessEqual(other: Operand): Tile {
    return compare('lessEqual', this, other);
  }

  /** this > other, as bool. */
  greater(other: Operand): Tile {
    return compare('greater', this, other);
  }

  /** this >= other, as bool. */
  greaterEqual(other: Operand): Tile {
    return compare('greaterEqual', this, other);
  }

  /** -this, of float32 or int32. */
  neg(): Tile {
    requireDtype('neg', this, ['float32', 'int32']);
    return unary('neg', this);
  }

  /** |this|, of float32 or int32. */
  abs(): Tile {
    requireDtype('abs', this, ['float32', 'int32']);
    return unary('abs', this);
  }

  /** e^this. */
  exp(): Tile {
    return float32('exp', this);
  }

  /** 2^this, 0 below 2^-126: one instruction of a GPU, where `exp` is several. */
  exp2(): Tile {
    return float32('exp2', this);
  }

  /** Natural logarithm. */
  log(): Tile {
    return float32('log', this);
  }

  /** Square root. */
  sqrt(): Tile {
    return float32('sqrt', this);
  }

  /** 1 / sqrt(this). */
  rsqrt(): Tile {
    return float32('rsqrt', this);
  }

  /** Error function. */
  erf(): Tile {
    return float32('erf', this);
  }

  /**
   * The same numbers in another type: to smaller floats rounded to nearest, ties to even; floats to integers cut towards
   * zero, undefined where they do not fit; between int32 and uint32 the same bits; bool as 0 and 1.
   */
  cast(dtype: Dtype): Tile {
    visible('cast', this);
    if (dtype === this.dtype) return this;
    if (dtype === 'bool') throw misuse('cast', `to bool there is no cast; compare: x.notEqual(0)`);
    checkDtype('cast', dtype, storedDtypes);
    const result = new Tile(dtype, this.shape, currentBlock('cast'));
    // Between the small floats, and between them and integers, there is no single instruction.
    const detour = (isHalf(dtype) && this.dtype !== 'float32') || (isHalf(this.dtype) && dtype !== 'float32');
    append({
      kind: 'cast',
      operand: detour ? this.cast('float32') : this,
      result,
      site: new CallSite(),
    });
    return result;
  }

  /** One axis of size 1 more, before `axis`: [64] becomes [1, 64] with 0, [64, 1] with 1 or -1. */
  expandDims(axis: number): Tile {
    visible('expandDims', this);
    const at = checkAxis('expandDims', axis, this.rank + 1);
    const result = new Tile(this.dtype, this.shape.toSpliced(at, 0, 1), currentBlock('expandDims'));
    // What makes an axis works on tiles alone.
    if (this.rank === 0) append({ kind: 'broadcast', operand: this, result });
    else append({ kind: 'expandDims', axis: at, operand: this, result });
    return result;
  }

  /** Repeated along axes of size 1, or a scalar everywhere. */
  broadcastTo(shape: readonly number[]): Tile {
    visible('broadcastTo', this);
    checkShape('broadcastTo', shape);
    const fits =
      this.rank === 0 ||
      (shape.length === this.rank && this.shape.every((n, i) => n === 1 || n === shape[i]));
    if (!fits) {
      throw misuse(
        'broadcastTo',
        `${describe(this)} does not fit [${shape.join(', ')}]: expected a scalar, or the same rank with sizes that are equal or 1`,
      );
    }
    return broadcast('broadcastTo', this, shape);
  }

  /** The same elements in row-major order under another shape. */
  reshape(shape: readonly number[]): Tile {
    visible('reshape', this);
    checkShape('reshape', shape);
    if (sizeOf(shape) !== this.size) {
      throw misuse(
        'reshape',
        `${describe(this)} has ${this.size} elements, [${shape.join(', ')}] has ${sizeOf(shape)}`,
      );
    }
    if (sameShape(shape, this.shape)) return this;
    if (this.rank === 0) return broadcast('reshape', this, shape);
    if (shape.length === 0)
      throw misuse('reshape', `${describe(this)} cannot become a scalar; sum it instead`);
    const result = new Tile(this.dtype, [...shape], currentBlock('reshape'));
    append({ kind: 'reshape', operand: this, result });
    return result;
  }

  /** Axes in another order: axis i of the result is axis `order[i]` of this. Without an order, the two axes of a matrix change places. */
  transpose(order?: readonly number[]): Tile {
    visible('transpose', this);
    if (order === undefined && this.rank !== 2) {
      throw misuse('transpose', `${describe(this)} has ${this.rank} axes: say their order`);
    }
    const axes = order ?? [1, 0];
    const isOrder = axes.length === this.rank && this.shape.every((_, axis) => axes.includes(axis));
    if (!isOrder) {
      throw misuse(
        'transpose',
        `the order must hold each of the axes 0..${this.rank - 1} of ${describe(this)} once, got [${axes.join(', ')}]`,
      );
    }
    const shape = axes.map((axis) => this.shape[axis]);
    const result = new Tile(this.dtype, shape, currentBlock('transpose'));
    append({ kind: 'transpose', order: [...axes], operand: this, result });
    return result;
  }

  /**
   * Sum over an axis, in float32, int32 or uint32. In which order floats are added is the device's choice.
   *
   * @param keepDims leave the axis with size 1
   */
  sum(axis: number, keepDims = false): Tile {
    return reduce('sum', this, axis, keepDims);
  }

  /** Largest along an axis; NaN where there is one. */
  max(axis: number, keepDims = false): Tile {
    return reduce('max', this, axis, keepDims);
  }

  /** Smallest along an axis; NaN where there is one. */
  min(axis: number, keepDims = false): Tile {
    return reduce('min', this, axis, keepDims);
  }
}
