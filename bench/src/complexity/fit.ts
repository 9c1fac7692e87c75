/** y = a + b N^c, with a, b >= 0. */
export interface GrowthFit {
  readonly constant: number;
  readonly factor: number;
  /** c. */
  readonly exponent: number;
  /** The largest |fit - y| / y. */
  readonly worst: number;
}

/** Exponents are tried in steps of a hundredth. */
const [leastExponent, mostExponent, step] = [0, 3, 0.01];

/**
 * The growth y = a + b N^c of a quantity: the a, b >= 0 and c in 0 .. 3 with the least sum of squared relative errors.
 *
 * For each c of a grid a and b solve a linear problem of two unknowns; of all c the best is taken, so that no start value has
 * a say. N is divided by its largest value first, without which a column of N^2 would drown that of ones.
 *
 * @throws Error for fewer than three points, or values that are not positive
 */
export function fitGrowth(lengths: readonly number[], values: readonly number[]): GrowthFit {
  if (lengths.length !== values.length || lengths.length < 3) {
    throw new Error(
      `fitGrowth: needs as many lengths as values, at least 3, got ${lengths.length} and ${values.length}`,
    );
  }
  if (![...lengths, ...values].every((value) => value > 0 && Number.isFinite(value))) {
    throw new Error('fitGrowth: lengths and values must be positive');
  }
  const largest = Math.max(...lengths);
  let best: (GrowthFit & { error: number }) | undefined;
  for (let i = 0; i <= Math.round((mostExponent - leastExponent) / step); i++) {
    const exponent = leastExponent + i * step;
    const powers = lengths.map((n) => (n / largest) ** exponent);
    const { a, b, error, worst } = solve(powers, values);
    if (best === undefined || error < best.error) {
      best = { constant: a, factor: b / largest ** exponent, exponent, worst, error };
    }
  }
  const { error: _, ...fit } = best as GrowthFit & { error: number };
  return { ...fit, exponent: Number(fit.exponent.toFixed(2)) };
}

/** a, b >= 0 with the least sum of ((a + b p_i - y_i) / y_i)^2. */
function solve(
  powers: readonly number[],
  values: readonly number[],
): { a: number; b: number; error: number; worst: number } {
  // Columns 1 / y and p / y, right side 1.
  const ones = values.map((y) => 1 / y);
  const scaled = powers.map((p, i) => p / values[i]);
  const sum = (x: readonly number[]): number => x.reduce((total, value) => total + value, 0);
  const dot = (x: readonly number[], y: readonly number[]): number => sum(x.map((value, i) => value * y[i]));
  const [oo, os, ss] = [dot(ones, ones), dot(ones, scaled), dot(scaled, scaled)];
  const [o, s] = [sum(ones), sum(scaled)];
  const determinant = oo * ss - os * os;
  const candidates: [number, number][] = [
    [o / oo, 0],
    [0, s / ss],
  ];
  // Columns that are nearly parallel, as at c = 0, have one unknown between them.
  if (determinant > 1e-12 * oo * ss) {
    const both: [number, number] = [(o * ss - s * os) / determinant, (s * oo - o * os) / determinant];
    if (both.every((value) => value >= 0)) candidates.push(both);
  }
  const solutions = candidates.map(([a, b]) => {
    const errors = ones.map((one, i) => a * one + b * scaled[i] - 1);
    return { a, b, error: dot(errors, errors), worst: Math.max(...errors.map(Math.abs)) };
  });
  return solutions.reduce((best, other) => (other.error < best.error ? other : best));
}
