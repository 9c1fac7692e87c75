import type { CallSite } from './caller.js';
import type { Pointer } from './pointer.js';
import type { Tile } from './tile.js';

/** Float32: all but `not`. Int32: `neg`, `abs`, `not`. Uint32 and bool: `not`. */
export type UnaryName = 'neg' | 'abs' | 'exp' | 'exp2' | 'log' | 'sqrt' | 'rsqrt' | 'erf' | 'not';

export type BinaryName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'rem'
  | 'maximum'
  | 'minimum'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr';

export type ComparisonName = 'equal' | 'notEqual' | 'less' | 'lessEqual' | 'greater' | 'greaterEqual';

export type ReductionName = 'sum' | 'max' | 'min';

/** How float32 operands enter a product: rounded to TF32's 10 bits of mantissa, or as they are. */
export type DotPrecision = 'tf32' | 'ieee';

/** One step of a kernel. Tiles are values: each is the result of one operation, or what a loop carries. */
export type Op =
  | { readonly kind: 'programId'; readonly axis: 0 | 1 | 2; readonly result: Tile }
  | { readonly kind: 'constant'; readonly value: number; readonly result: Tile }
  | { readonly kind: 'arange'; readonly start: number; readonly result: Tile }
  | { readonly kind: 'unary'; readonly name: UnaryName; readonly operand: Tile; readonly result: Tile }
  | {
      readonly kind: 'binary';
      readonly name: BinaryName;
      readonly left: Tile;
      readonly right: Tile;
      readonly result: Tile;
      readonly site: CallSite;
    }
  | {
      readonly kind: 'comparison';
      readonly name: ComparisonName;
      readonly left: Tile;
      readonly right: Tile;
      readonly result: Tile;
    }
  | {
      readonly kind: 'where';
      readonly condition: Tile;
      readonly left: Tile;
      readonly right: Tile;
      readonly result: Tile;
    }
  | { readonly kind: 'cast'; readonly operand: Tile; readonly result: Tile; readonly site: CallSite }
  | { readonly kind: 'broadcast'; readonly operand: Tile; readonly result: Tile }
  | { readonly kind: 'expandDims'; readonly axis: number; readonly operand: Tile; readonly result: Tile }
  | { readonly kind: 'reshape'; readonly operand: Tile; readonly result: Tile }
  | {
      readonly kind: 'transpose';
      readonly order: readonly number[];
      readonly operand: Tile;
      readonly result: Tile;
    }
  | {
      readonly kind: 'reduction';
      readonly name: ReductionName;
      readonly axis: number;
      readonly operand: Tile;
      readonly result: Tile;
    }
  | {
      readonly kind: 'dot';
      readonly left: Tile;
      readonly right: Tile;
      readonly accumulator?: Tile;
      readonly precision: DotPrecision;
      readonly result: Tile;
    }
  | {
      readonly kind: 'load';
      readonly pointer: Pointer;
      readonly offsets: Tile;
      readonly mask?: Tile;
      readonly other?: Tile;
      readonly result: Tile;
      readonly site: CallSite;
    }
  | {
      readonly kind: 'store';
      readonly pointer: Pointer;
      readonly offsets: Tile;
      readonly mask?: Tile;
      readonly value: Tile;
      readonly site: CallSite;
    }
  | {
      readonly kind: 'loop';
      readonly from: Tile;
      readonly to: Tile;
      readonly step: Tile;
      /** How often the body runs, where that is known. */
      readonly trips?: number;
      readonly index: Tile;
      readonly initial: readonly Tile[];
      /** The carried values as the body sees them. */
      readonly carried: readonly Tile[];
      /** What the body makes of them. */
      readonly next: readonly Tile[];
      readonly results: readonly Tile[];
      readonly body: Block;
      readonly site: CallSite;
    };

/** Operations in their order: a kernel, or the body of a loop. */
export interface Block {
  readonly ops: Op[];
  readonly parent?: Block;
}
