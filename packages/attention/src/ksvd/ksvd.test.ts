import { fileURLToPath } from 'node:url';
import { goldenValue, loadGolden } from '@primal-attention/golden';
import { RandomStream } from '@primal-attention/runtime';
import fc from 'fast-check';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import {
  cosineRows,
  dualPointScores,
  type KsvdProblem,
  kernel,
  objective,
  objectiveGradients,
  positiveRandomRows,
  primalPointScores,
  solveKsvd,
} from './index.js';

/** Float64, sums of some hundred numbers near 1, divided by singular values down to 1/1000 of the largest. */
const exact = 1e-10;

const gaussian = (rows: number, columns: number, seed: number): Matrix => {
  const stream = new RandomStream(seed, 'ksvd');
  return Matrix.from1DArray(
    rows,
    columns,
    Array.from({ length: rows * columns }, () => stream.normal()),
  );
};

/** |A - B| against the larger of 1 and |B|. */
function expectClose(a: Matrix, b: Matrix, tolerance = exact): void {
  expect([a.rows, a.columns]).toEqual([b.rows, b.columns]);
  const scale = Math.max(1, Matrix.abs(b).max());
  expect(Matrix.abs(Matrix.sub(a, b)).max() / scale).toBeLessThanOrEqual(tolerance);
}

const maps = {
  gaussian: (rows: Matrix) => rows,
  cosine: cosineRows,
  'positive random': (rows: Matrix) =>
    positiveRandomRows(gaussian(rows.columns, rows.columns, 9))(Matrix.mul(rows, 0.5)),
};
type MapName = keyof typeof maps;
const mapName = fc.constantFrom<MapName[]>(...(Object.keys(maps) as MapName[]));

interface Given {
  problem: KsvdProblem;
  others: { queries: Matrix; keys: Matrix };
  rank: number;
}

/** Random points, maps (each side its own), f(X) with any number of rows or none, and as many directions as are well apart from 0. */
const given = fc
  .record({
    points: fc.integer({ min: 1, max: 24 }),
    size: fc.integer({ min: 1, max: 7 }),
    rows: fc.integer({ min: 0, max: 20 }),
    rank: fc.integer({ min: 1, max: 7 }),
    query: mapName,
    key: mapName,
    seed: fc.nat(1e6),
  })
  .map(({ points, size, rows, rank, query, key, seed }): Given => {
    const side = (map: MapName, n: number, at: number): Matrix => maps[map](gaussian(n, size, seed + at));
    const problem: KsvdProblem = {
      queries: side(query, points, 0),
      keys: side(key, points, 1),
      ...(rows > 0 && { landmarks: gaussian(rows, size, seed + 2).mul(1 / Math.sqrt(rows)) }),
    };
    const { singularValues } = solveKsvd(problem, 1);
    const usable = singularValues.filter((sigma) => sigma > 1e-3 * singularValues[0]).length;
    return {
      problem,
      others: { queries: side(query, 3, 3), keys: side(key, 3, 4) },
      rank: Math.min(rank, usable),
    };
  });

/** The problems of the golden file. */
const golden = (
  await loadGolden(fileURLToPath(new URL('../../fixtures/ksvd.safetensors', import.meta.url)))
).map((one): Given => {
  const matrix = (name: string): Matrix => {
    const { data, shape } = goldenValue(one, `in.${name}`);
    return Matrix.from1DArray(shape[0], shape[1], data as Float64Array);
  };
  return {
    problem: { queries: matrix('phi_q'), keys: matrix('phi_k'), landmarks: matrix('F') },
    others: { queries: matrix('phi_q_new'), keys: matrix('phi_k_new') },
    rank: one.config.s as number,
  };
});

/** Runs a check on the golden problems, and on random ones of every kind. */
const forAll = (check: (one: Given) => void): void =>
  fc.assert(fc.property(given, check), { numRuns: 60, examples: golden.map((one) => [one]) });

describe('theorem 3.2', () => {
  test('K H_r = H_e Sigma, K^T H_e = H_r Sigma, with orthonormal columns', () => {
    forAll(({ problem, rank }) => {
      const k = kernel(problem);
      const { left, right, sigma } = solveKsvd(problem, rank);
      expectClose(k.mmul(right), left.clone().mulRowVector(sigma));
      expectClose(k.transpose().mmul(left), right.clone().mulRowVector(sigma));
      for (const vectors of [left, right]) {
        expectClose(vectors.transpose().mmul(vectors), Matrix.eye(rank));
      }
    });
  });

  test('scores of the points are E = H_e Sigma and R = H_r Sigma', () => {
    forAll(({ problem, rank }) => {
      const solution = solveKsvd(problem, rank);
      const { e, r } = primalPointScores(problem, solution, problem);
      expectClose(e, solution.left.clone().mulRowVector(solution.sigma));
      expectClose(r, solution.right.clone().mulRowVector(solution.sigma));
    });
  });

  test('primal and dual give the same scores, in and out of the sample', () => {
    forAll(({ problem, others, rank }) => {
      const solution = solveKsvd(problem, rank);
      for (const points of [problem, others]) {
        const primal = primalPointScores(problem, solution, points);
        const dual = dualPointScores(problem, solution, points);
        expectClose(primal.e, dual.e);
        expectClose(primal.r, dual.r);
      }
    });
  });

  test('a solution is a stationary point of J', () => {
    forAll(({ problem, rank }) => {
      const solution = solveKsvd(problem, rank);
      const gradients = objectiveGradients(problem, solution);
      expectClose(gradients.we, Matrix.zeros(solution.we.rows, rank));
      expectClose(gradients.wr, Matrix.zeros(solution.we.rows, rank));
    });
  });
});

describe('lemma 4.2', () => {
  test('J = 0 at a solution, from J_e = J_r = 1/2 Tr Sigma and a trace of Tr Sigma', () => {
    forAll(({ problem, rank }) => {
      const solution = solveKsvd(problem, rank);
      const total = solution.sigma.reduce((sum, sigma) => sum + sigma, 0);
      const parts = objective(problem, solution);
      const scale = Math.max(1, total);
      expect(Math.abs(parts.queryVariance - total / 2) / scale).toBeLessThanOrEqual(exact);
      expect(Math.abs(parts.keyVariance - total / 2) / scale).toBeLessThanOrEqual(exact);
      expect(Math.abs(parts.trace - total) / scale).toBeLessThanOrEqual(exact);
      expect(Math.abs(parts.objective) / scale).toBeLessThanOrEqual(exact);
    });
  });

  test('with means over N positions, J = 0 for N Lambda; with the root of Lambda likewise', () => {
    forAll(({ problem, rank }) => {
      const solution = solveKsvd(problem, rank);
      const count = problem.queries.rows;
      const scale = Math.max(
        1,
        solution.sigma.reduce((sum, sigma) => sum + sigma, 0),
      );
      const root = solution.lambda.map((value) => Math.sqrt(count * value));
      const { objective: j } = objective(
        problem,
        { ...solution, lambda: root },
        { positions: 'mean', lambda: 'root' },
      );
      expect(Math.abs(j) / scale).toBeLessThanOrEqual(exact);
    });
  });

  test('is necessary, not sufficient: W = 0 has J = 0, and so has a scaled point that solves nothing', () => {
    forAll(({ problem, rank }) => {
      const rows = problem.landmarks?.rows ?? problem.queries.columns;
      const zero = Matrix.zeros(rows, rank);
      const lambda = new Float64Array(rank).fill(1);
      expect(Math.abs(objective(problem, { we: zero, wr: zero, lambda }).objective)).toBe(0);
      // Half the variance grows with the square of a factor, and so does the trace: Lambda makes up the difference.
      const [we, wr] = [gaussian(rows, rank, 1), gaussian(rows, rank, 2)];
      const parts = objective(problem, { we, wr, lambda });
      if (parts.trace < 0) wr.mul(-1);
      const factor = Math.abs(parts.trace) / (parts.queryVariance + parts.keyVariance);
      const traded = { we, wr, lambda: lambda.map(() => factor) };
      expect(
        Math.abs(objective(problem, traded).objective) / Math.max(1, Math.abs(parts.trace)),
      ).toBeLessThanOrEqual(exact);
      const slope = Matrix.abs(objectiveGradients(problem, traded).we).max();
      // In one dimension J = 0 can be a stationary point by itself.
      if (rows > 1 && problem.queries.columns > 1) expect(slope).toBeGreaterThan(1e-6);
    });
  });
});

test('gradients of J are those of finite differences, at any point and in each convention', () => {
  const conventions = fc.record({
    positions: fc.constantFrom('sum', 'mean') as fc.Arbitrary<'sum' | 'mean'>,
    lambda: fc.constantFrom('diagonal', 'root') as fc.Arbitrary<'diagonal' | 'root'>,
  });
  fc.assert(
    fc.property(given, conventions, ({ problem, rank }, options) => {
      const rows = problem.landmarks?.rows ?? problem.queries.columns;
      const weights = {
        we: gaussian(rows, rank, 1),
        wr: gaussian(rows, rank, 2),
        lambda: gaussian(1, rank, 3).to1DArray(),
      };
      const gradients = objectiveGradients(problem, weights, options);
      const step = 1e-4;
      for (const name of ['we', 'wr'] as const) {
        const difference = Matrix.zeros(rows, rank);
        for (let i = 0; i < rows; i++) {
          for (let s = 0; s < rank; s++) {
            const at = (by: number): number => {
              const moved = weights[name].clone();
              moved.set(i, s, moved.get(i, s) + by);
              return objective(problem, { ...weights, [name]: moved }, options).objective;
            };
            // J is quadratic in the weights: the central difference is exact but for rounding.
            difference.set(i, s, (at(step) - at(-step)) / (2 * step));
          }
        }
        expectClose(gradients[name], difference, 1e-7);
      }
    }),
    { numRuns: 10 },
  );
});

test('the kernel of positive random features has the softmax kernel as its mean', () => {
  const points = gaussian(4, 3, 1).mul(0.5);
  const features = positiveRandomRows(gaussian(3, 200_000, 2))(points);
  const estimate = features.mmul(features.transpose());
  const right = Matrix.exp(points.mmul(points.transpose()));
  // Some hundredths are the deviation of a mean of 200,000.
  expectClose(estimate, right, 0.05);
  expect(features.min()).toBeGreaterThan(0);
});

test('what has no solution is refused with its numbers', () => {
  const queries = gaussian(6, 3, 1);
  const keys = gaussian(6, 3, 2);
  expect(() => solveKsvd({ queries, keys }, 4)).toThrow(
    /solveKsvd: rank 4 needs as many positive singular values, and K has 3 of 6/,
  );
  expect(() => solveKsvd({ queries, keys }, 0)).toThrow(/rank must be a positive integer, got 0/);
  expect(() => solveKsvd({ queries, keys: gaussian(5, 3, 2) }, 1)).toThrow(
    /queries \[6,3\] and keys \[5,3\]/,
  );
  expect(() => solveKsvd({ queries, keys, landmarks: gaussian(6, 2, 3) }, 1)).toThrow(
    /landmarks \[6,2\] need 3 columns/,
  );
});
