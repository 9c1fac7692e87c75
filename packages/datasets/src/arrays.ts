/** The arrays a column can hold. */
export type ColumnData = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** One array of a data set, with the samples along its first axis. */
export interface Column {
  /** Row-major values. */
  readonly data: ColumnData;
  /** [samples, …]. */
  readonly shape: readonly number[];
}

/** Samples as arrays of the same number of rows, by name. */
export type Columns<K extends string = string> = Readonly<Record<K, Column>>;

/** A data set as its loader gives it. */
export interface Splits<K extends string = string> {
  readonly train: Columns<K>;
  readonly dev?: Columns<K>;
  readonly test: Columns<K>;
}

/** A column; checks that the shape is one and that the values fill it. */
export function column<D extends ColumnData>(
  data: D,
  shape: readonly number[],
): { readonly data: D; readonly shape: readonly number[] } {
  checkColumn('column', 'the column', { data, shape });
  return { data, shape };
}

/**
 * The number of samples of `columns`.
 *
 * @throws if there is no column, if a shape does not fit its values, or if columns differ in samples; `caller` begins the message
 */
export function countSamples(columns: Columns, caller: string): number {
  const entries = Object.entries(columns);
  if (entries.length === 0) throw new Error(`${caller}: the data holds no column, expected at least one`);
  for (const [name, entry] of entries) checkColumn(caller, `column ${name}`, entry);
  const [firstName, { shape }] = entries[0];
  for (const [name, entry] of entries) {
    if (entry.shape[0] === shape[0]) continue;
    throw new Error(
      `${caller}: column ${name} has ${entry.shape[0]} samples, expected the ${shape[0]} of column ${firstName}`,
    );
  }
  return shape[0];
}

/** The samples `indices`, in that order, copied into new arrays. */
export function selectSamples<K extends string>(columns: Columns<K>, indices: ArrayLike<number>): Columns<K> {
  const samples = countSamples(columns, 'selectSamples');
  for (let i = 0; i < indices.length; i++) {
    if (Number.isInteger(indices[i]) && indices[i] >= 0 && indices[i] < samples) continue;
    throw new Error(`selectSamples: index ${indices[i]} at position ${i} is not one of 0..${samples - 1}`);
  }
  const selected: Record<string, Column> = {};
  for (const [name, { data, shape }] of Object.entries<Column>(columns)) {
    const row = valuesPerSample(shape);
    const TypedArray = data.constructor as new (length: number) => ColumnData;
    const values = new TypedArray(indices.length * row);
    for (let i = 0; i < indices.length; i++) {
      values.set(data.subarray(indices[i] * row, (indices[i] + 1) * row), i * row);
    }
    selected[name] = { data: values, shape: [indices.length, ...shape.slice(1)] };
  }
  return selected as Columns<K>;
}

/** The samples from `start` up to but not including `end`, as views of the same memory. */
export function sliceSamples<K extends string>(columns: Columns<K>, start: number, end: number): Columns<K> {
  const samples = countSamples(columns, 'sliceSamples');
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || start > end || end > samples) {
    throw new Error(`sliceSamples: ${start}..${end} is not a range within 0..${samples}`);
  }
  const slice: Record<string, Column> = {};
  for (const [name, { data, shape }] of Object.entries<Column>(columns)) {
    const row = valuesPerSample(shape);
    slice[name] = { data: data.subarray(start * row, end * row), shape: [end - start, ...shape.slice(1)] };
  }
  return slice as Columns<K>;
}

/** The values of one sample of a column of this shape. */
export function valuesPerSample(shape: readonly number[]): number {
  return shape.slice(1).reduce((product, size) => product * size, 1);
}

function checkColumn(caller: string, what: string, { data, shape }: Column): void {
  if (shape.length === 0 || shape.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new Error(`${caller}: the shape of ${what} must be [samples, …], got [${shape}]`);
  }
  const expected = shape[0] * valuesPerSample(shape);
  if (data.length !== expected) {
    throw new Error(
      `${caller}: ${what} has ${data.length} values, but its shape [${shape}] needs ${expected}`,
    );
  }
}
