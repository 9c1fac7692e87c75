import type { Tile } from '../language/tile.js';

/** Arrays that are cut into blocks of elements, one after the other, of which each program takes one. */
export interface Blocks {
  /** The number of the first program of each array. */
  readonly starts: readonly number[];
  /** Programs of all arrays. */
  readonly programs: number;
}

/** @param sizes elements of each array. @param block elements of a block */
export function blocksOf(sizes: readonly number[], block: number): Blocks {
  let programs = 0;
  const starts = sizes.map((size) => {
    const start = programs;
    programs += Math.ceil(size / block);
    return start;
  });
  return { starts, programs };
}

/**
 * What belongs to the array whose block a program has: that of array `i` is `of(i)`. The choices form a tree, so that each waits for
 * few others.
 */
export type OfOwnArray = <T>(of: (i: number) => T, choose: (condition: Tile, left: T, right: T) => T) => T;

/** @param program the program's number */
export function ofOwnArray({ starts }: Blocks, program: Tile): OfOwnArray {
  // Asked once for all that belongs to the arrays.
  const isBefore = starts.map((start) => program.less(start));
  return (of, choose) => {
    const among = (from: number, to: number): ReturnType<typeof of> => {
      if (to - from === 1) return of(from);
      const middle = (from + to) >> 1;
      return choose(isBefore[middle], among(from, middle), among(middle, to));
    };
    return among(0, starts.length);
  };
}
