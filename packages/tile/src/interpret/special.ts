/**
 * erf(x) = 2 / sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (1 3 5 ... (2n+1)), whose terms are all positive: exact to the last few
 * bits of a double.
 */
export function erf(x: number): number {
  // 1 - erf(6) is less than half a step of a double.
  if (Math.abs(x) >= 6) return Math.sign(x);
  if (Number.isNaN(x)) return x;
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
