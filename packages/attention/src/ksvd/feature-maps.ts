import { Matrix } from 'ml-matrix';

/** phi on the rows of a matrix: [N, p] to [N, m]. */
export type RowFeatureMap = (rows: Matrix) => Matrix;

/** phi(z) = z / max(||z||_2, 1e-12) for each row z: the float64 form of `cosineFeatureMap`. */
export const cosineRows: RowFeatureMap = (rows) => {
  const result = rows.clone();
  for (let i = 0; i < rows.rows; i++) result.mulRow(i, 1 / Math.max(Math.sqrt(squaredNorm(rows, i)), 1e-12));
  return result;
};

/**
 * phi(z) = m^(-1/2) exp(-||z||^2 / 2) [exp(w_1 . z), ..., exp(w_m . z)] for each row z: the float64 form of
 * `positiveRandomFeatures`.
 *
 * @param projection w_1 .. w_m as columns, [p, m]
 */
export function positiveRandomRows(projection: Matrix): RowFeatureMap {
  return (rows) => {
    const halfSquares = Array.from({ length: rows.rows }, (_, i) => squaredNorm(rows, i) / 2);
    const exponents = rows.mmul(projection).subColumnVector(halfSquares); // [N, m]
    return Matrix.exp(exponents).mul(1 / Math.sqrt(projection.columns));
  };
}

function squaredNorm(rows: Matrix, i: number): number {
  let sum = 0;
  for (let j = 0; j < rows.columns; j++) sum += rows.get(i, j) ** 2;
  return sum;
}
