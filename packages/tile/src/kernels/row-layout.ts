/** A place in a row: where an array begins, and its shape. */
export interface RowPlace {
  /** Elements before it. */
  readonly offset: number;
  /** Its sizes, row-major. */
  readonly shape: readonly number[];
}

/**
 * Arrays one after the other in a row. A kernel's programs each write a row of partial sums, so that one sum over rows makes all
 * of the arrays.
 */
export interface RowLayout<Name extends string = string> {
  /** Elements of a row. */
  readonly size: number;
  /** Where each array is. */
  readonly places: Readonly<Record<Name, RowPlace>>;
}

/** The arrays in the order of their names. */
export function rowLayout<Name extends string>(
  shapes: Readonly<Record<Name, readonly number[]>>,
): RowLayout<Name> {
  let size = 0;
  const places = Object.entries<readonly number[]>(shapes).map(([name, shape]): [string, RowPlace] => {
    const place = { offset: size, shape };
    size += shape.reduce((product, n) => product * n, 1);
    return [name, place];
  });
  return { size, places: Object.fromEntries(places) as Record<Name, RowPlace> };
}
