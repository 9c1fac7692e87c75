import { type Columns, column } from '../arrays.js';

/**
 * A text in pieces of `length` tokens, with the token that follows each: `ids` and `targets` [pieces, length], int32. For training
 * with shuffled pieces (fairseq's `--sample-break-mode none`). The last tokens that make no whole piece are left out.
 */
export function textPieces(ids: Int32Array, length: number): Columns<'ids' | 'targets'> {
  checkSize('textPieces', 'length', length, ids.length - 1);
  const pieces = Math.floor((ids.length - 1) / length);
  const shape = [pieces, length];
  return {
    ids: column(ids.slice(0, pieces * length), shape),
    targets: column(ids.slice(1, pieces * length + 1), shape),
  };
}

/**
 * Contiguous batches: the text is cut into `batchSize` long strips, and batch k has the k-th piece of `length` tokens of every strip,
 * so that row r of a batch goes on in row r of the next. `ids` and `targets` [batches, batchSize, length], int32: the batches
 * stand along the first axis. Tokens at the end that fill no strip, or of a strip no piece, are left out.
 */
export function contiguousBatches(
  ids: Int32Array,
  batchSize: number,
  length: number,
): Columns<'ids' | 'targets'> {
  checkSize('contiguousBatches', 'batchSize', batchSize, ids.length - 1);
  const strip = Math.floor((ids.length - 1) / batchSize);
  checkSize('contiguousBatches', 'length', length, strip);
  const batches = Math.floor(strip / length);
  const shape = [batches, batchSize, length];
  const inputs = new Int32Array(batches * batchSize * length);
  const targets = new Int32Array(inputs.length);
  for (let batch = 0; batch < batches; batch++) {
    for (let row = 0; row < batchSize; row++) {
      const start = row * strip + batch * length;
      const into = (batch * batchSize + row) * length;
      inputs.set(ids.subarray(start, start + length), into);
      targets.set(ids.subarray(start + 1, start + 1 + length), into);
    }
  }
  return { ids: column(inputs, shape), targets: column(targets, shape) };
}

function checkSize(caller: string, name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new Error(`${caller}: ${name} must be a whole number, 1..${most} for this text, got ${value}`);
}
