/**
 * What is taken from a score that is to have no weight: far more than any score, and finite, since minus infinity minus minus
 * infinity would be NaN.
 *
 * A power of two, which bf16 holds exactly. Where scores are stored as bf16, a compiler may take a row's maximum from what is
 * stored, and subtract it from what was not rounded yet; in a row that has no other scores than these the difference must
 * be 0, and a rounding of 1e30 would be 1e27.
 */
export const excluded = 2 ** 100;
