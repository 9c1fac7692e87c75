import { type Computed, type GoldenCase, goldenValue, type HostValues } from '@primal-attention/golden';
import { Matrix } from 'ml-matrix';
import { type KsvdProblem, kernel, objective } from './problem.js';
import { dualPointScores, primalPointScores, solveKsvd } from './solution.js';

/**
 * `ksvd.safetensors`, in float64: the solution in both forms, scores of its own points and of others, and J there and at a
 * point that is no solution.
 */
export function checkKsvd(golden: GoldenCase): Computed {
  const given = (name: string): Matrix => matrixOf(golden, `in.${name}`);
  const has = (name: string): boolean => golden.values.has(`in.${name}`);
  const points = { queries: given('phi_q'), keys: given('phi_k') };
  const problem: KsvdProblem = { ...points, ...(has('F') && { landmarks: given('F') }) };
  const solution = solveKsvd(problem, golden.config.s as number);
  const { left, right, sigma, lambda, we, wr } = solution;
  const scores = primalPointScores(problem, solution, points);
  const parts = objective(problem, solution);
  const computed: Record<string, HostValues> = {
    'out.K': values(kernel(problem)),
    'out.singular_values': values(solution.singularValues),
    'out.Sigma': values(sigma),
    'out.Lambda': values(lambda),
    'out.lambda_code': values(lambda.map(Math.sqrt)),
    'out.H_e': values(left),
    'out.H_r': values(right),
    'out.W_e': values(we),
    'out.W_r': values(wr),
    'out.W_eX': values(projected(problem, we)),
    'out.W_rX': values(projected(problem, wr)),
    'out.E': values(scores.e),
    'out.R': values(scores.r),
    'out.J': scalar(parts.objective),
    'out.J_e': scalar(parts.queryVariance),
    'out.J_r': scalar(parts.keyVariance),
    'out.J_trace': scalar(parts.trace),
  };
  if (has('phi_q_new') && has('phi_k_new')) {
    const others = { queries: given('phi_q_new'), keys: given('phi_k_new') };
    const { landmarks } = problem;
    // By the kernel alone; the file's are those of the primal.
    const dual = dualPointScores(problem, solution, others);
    computed['out.e_new'] = values(dual.e);
    computed['out.r_new'] = values(dual.r);
    computed['out.kappa_new_q'] = values(kernel({ queries: others.queries, keys: points.keys, landmarks }));
    computed['out.kappa_new_k'] = values(kernel({ queries: points.queries, keys: others.keys, landmarks }));
  }
  if (has('W_e_generic') && has('W_r_generic')) {
    const weights = {
      we: given('W_e_generic'),
      wr: given('W_r_generic'),
      lambda: goldenValue(golden, 'in.lambda_generic').data as Float64Array,
    };
    const generic = primalPointScores(problem, weights, points);
    const sums = objective(problem, weights, { lambda: 'root' });
    const means = objective(problem, weights, { lambda: 'root', positions: 'mean' });
    computed['out.E_generic'] = values(generic.e);
    computed['out.R_generic'] = values(generic.r);
    computed['out.J_generic'] = scalar(sums.objective);
    computed['out.J_e_generic'] = scalar(sums.queryVariance);
    computed['out.J_r_generic'] = scalar(sums.keyVariance);
    computed['out.J_trace_generic'] = scalar(sums.trace);
    computed['out.J_generic_mean'] = scalar(means.objective);
    computed['out.J_e_generic_mean'] = scalar(means.queryVariance);
    computed['out.J_r_generic_mean'] = scalar(means.keyVariance);
  }
  return computed;
}

/** F^T W, [p, s]. */
function projected({ landmarks }: KsvdProblem, weights: Matrix): Matrix {
  return landmarks === undefined ? weights : landmarks.transpose().mmul(weights);
}

function matrixOf(golden: GoldenCase, name: string): Matrix {
  const { data, shape } = goldenValue(golden, name);
  return Matrix.from1DArray(shape[0], shape[1], data as Float64Array);
}

function values(of: Matrix | Float64Array): HostValues {
  return of instanceof Float64Array
    ? { shape: [of.length], data: of }
    : { shape: [of.rows, of.columns], data: of.to1DArray() };
}

function scalar(value: number): HostValues {
  return { shape: [], data: [value] };
}
