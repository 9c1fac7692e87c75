import { Matrix } from 'ml-matrix';
import { type RealArray, requireCount, requireFinite } from './array.js';

/**
 * sigma_1 >= sigma_2 >= … >= 0 with A = U diag(sigma) V^T, computed in float64.
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

/** Sweeps over all pairs of columns; some ten are enough in practice. */
const mostSweeps = 60;

/**
 * One-sided Jacobi rotations: pairs of columns are turned until all are orthogonal, and then their lengths are the singular
 * values. Columns shorter than a rounding error of the whole matrix stay as they are.
 *
 * Not by ml-matrix: its iteration does not end for some matrices with equal rows, which padded tokens make.
 *
 * Source: Hestenes, Inversion of matrices by biorthogonalization and related results, 1958.
 */
export function decompose(matrix: Matrix): Float64Array {
  const tall = matrix.rows >= matrix.columns ? matrix.transpose() : matrix;
  const columns = Array.from({ length: tall.rows }, (_, i) => Float64Array.from(tall.getRow(i)));
  const negligible = (Number.EPSILON * matrix.norm()) ** 2;
  for (let sweep = 0; turnAllPairs(columns, negligible); sweep++) {
    if (sweep === mostSweeps)
      throw new Error(`singularValues: no convergence in ${mostSweeps} sweeps; please report the matrix`);
  }
  return Float64Array.from(columns, (column) => Math.sqrt(dot(column, column))).sort((a, b) => b - a);
}

/** Makes each pair of columns orthogonal, one after the other. @returns whether any was not */
function turnAllPairs(columns: readonly Float64Array[], negligible: number): boolean {
  let turned = false;
  const squares = columns.map((column) => dot(column, column));
  for (let i = 0; i < columns.length; i++) {
    for (let j = i + 1; j < columns.length; j++) {
      if (squares[i] <= negligible || squares[j] <= negligible) continue;
      const product = dot(columns[i], columns[j]);
      if (Math.abs(product) <= 4 * Number.EPSILON * Math.sqrt(squares[i] * squares[j])) continue;
      turned = true;
      const zeta = (squares[j] - squares[i]) / (2 * product);
      const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
      turn(columns[i], columns[j], tangent);
      squares[i] -= tangent * product;
      squares[j] += tangent * product;
    }
  }
  return turned;
}

function turn(a: Float64Array, b: Float64Array, tangent: number): void {
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  const sine = cosine * tangent;
  for (let i = 0; i < a.length; i++) {
    const x = a[i];
    const y = b[i];
    a[i] = cosine * x - sine * y;
    b[i] = sine * x + cosine * y;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
