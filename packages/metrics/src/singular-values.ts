import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { type RealArray, requireCount, requireFinite } from './array.js';

/**
 * sigma_1 >= sigma_2 >= … >= 0 with A = U diag(sigma) V^T, computed in float64 by ml-matrix.
 *
 * The time grows with the cube of the size: meant for matrices of some hundred rows.
 *
 * @param matrix [rows, cols], row-major
 * @returns [min(rows, cols)], descending
 * @throws if the length does not match, or if a value is NaN or infinite
 */
export function singularValues(matrix: RealArray, rows: number, cols: number): Float64Array {
  return decompose(toMatrix(matrix, rows, cols, 'singularValues'));
}

/** A checked copy in float64. */
export function toMatrix(values: RealArray, rows: number, cols: number, where: string): Matrix {
  requireCount(rows, `${where}: the number of rows`);
  requireCount(cols, `${where}: the number of columns`);
  if (values.length !== rows * cols) {
    throw new Error(`${where}: ${values.length} values, expected ${rows} x ${cols} = ${rows * cols}`);
  }
  requireFinite(values, where);
  return Matrix.from1DArray(rows, cols, values);
}

export function decompose(matrix: Matrix): Float64Array {
  const { diagonal } = new SingularValueDecomposition(matrix, {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
    autoTranspose: true,
  });
  return Float64Array.from(diagonal);
}
