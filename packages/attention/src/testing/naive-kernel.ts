/**
 * Attention of kernels as loops over the formulas, for one head of one sample, in double precision: slow, and easy to check
 * by eye. Queries, keys and values are lists of rows.
 */

export type Rows = readonly (readonly number[])[];

export interface NaiveInputs {
  q: Rows;
  k: Rows;
  v: Rows;
  /** Which keys are real; all by default. */
  real?: readonly boolean[];
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * b[i], 0);
const total = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0);

/** sum_j w_ij v_j / denominator(sum_j w_ij) over the real keys, for j <= i when causal. */
function kernelAttention(
  { q, k, v, real }: NaiveInputs,
  weight: (i: number, j: number) => number,
  denominator: (sum: number) => number,
  causal = false,
): number[][] {
  return q.map((_, i) => {
    const weights = k.map((_, j) => ((real?.[j] ?? true) && (!causal || j <= i) ? weight(i, j) : 0));
    const divisor = denominator(total(weights));
    return v[0].map((_, c) => total(weights.map((w, j) => w * v[j][c])) / divisor);
  });
}

export function naiveLinear(inputs: NaiveInputs, causal = false, normalise = true): number[][] {
  const { q, k } = inputs;
  const phi = (row: readonly number[]): number[] => row.map((x) => (x < 0 ? Math.exp(x) : x + 1));
  const denominator = normalise
    ? (sum: number) => sum + 1e-6
    : () => q.length ** (1 / 4) * k.length ** (1 / 4);
  return kernelAttention(inputs, (i, j) => dot(phi(q[i]), phi(k[j])), denominator, causal);
}

export function naiveCosine(inputs: NaiveInputs): number[][] {
  const { q, k } = inputs;
  const norm = (row: readonly number[]): number => Math.sqrt(dot(row, row));
  return kernelAttention(
    inputs,
    (i, j) => dot(q[i], k[j]) / (norm(q[i]) * norm(k[j])),
    () => (q.length * k.length) ** (1 / 4),
  );
}

export function naiveCosformer(inputs: NaiveInputs, causal = false, maxLength?: number): number[][] {
  const { q, k } = inputs;
  const m = maxLength ?? Math.max(q.length, k.length);
  const relu = (row: readonly number[]): number[] => row.map((x) => Math.max(x, 0));
  return kernelAttention(
    inputs,
    (i, j) => dot(relu(q[i]), relu(k[j])) * Math.cos((Math.PI * (i - j)) / (2 * m)),
    (sum) => Math.max(sum, 1e-6),
    causal,
  );
}

/** With a mask: Flow-Attention of the real tokens alone, and zeros elsewhere; q and k then have the same length. */
export function naiveFlowformer(inputs: NaiveInputs, causal: boolean, clamp: number): number[][] {
  const { q, k, v, real } = inputs;
  if (real === undefined) return (causal ? naiveCausalFlow : naiveFlow)(inputs, clamp);
  const kept = real.flatMap((isReal, i) => (isReal ? [i] : []));
  const zeros = q.map(() => v[0].map(() => 0));
  if (kept.length === 0) return zeros;
  const [realQ, realK, realV] = [q, k, v].map((rows) => kept.map((i) => rows[i]));
  const compact = naiveFlowformer({ q: realQ, k: realK, v: realV }, causal, clamp);
  for (const [at, i] of kept.entries()) zeros[i] = compact[at];
  return zeros;
}

const epsilon = 1e-6;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** (a + eps) . (b + eps). */
const flow = (a: readonly number[], b: readonly number[]): number =>
  dot(
    a.map((x) => x + epsilon),
    b.map((x) => x + epsilon),
  );
/** The sum of rows, each times its factor. */
const sumOf = (rows: Rows, factor: (i: number) => number): number[] =>
  rows[0].map((_, c) => total(rows.map((row, i) => row[c] * factor(i))));

function naiveFlow({ q, k, v }: NaiveInputs, clamp: number): number[][] {
  const sinks = q.map((row) => row.map(sigmoid));
  const sources = k.map((row) => row.map(sigmoid));
  const incoming = sinks.map((sink) =>
    flow(
      sink,
      sumOf(sources, () => 1),
    ),
  );
  const outgoing = sources.map((source) =>
    flow(
      source,
      sumOf(sinks, () => 1),
    ),
  );
  const conservedSinks = sinks.map((sink) =>
    flow(
      sink,
      sumOf(sources, (j) => 1 / outgoing[j]),
    ),
  );
  const competing = sources.map((source) => {
    const conserved = flow(
      source,
      sumOf(sinks, (i) => 1 / incoming[i]),
    );
    return Math.exp(Math.min(Math.max(conserved, -clamp), clamp));
  });
  const competition = competing.map((x) => (x / total(competing)) * k.length);
  return sinks.map((sink, i) => {
    const allocation = sigmoid((conservedSinks[i] * q.length) / k.length) / incoming[i];
    return v[0].map((_, c) =>
      total(sources.map((source, j) => allocation * dot(sink, source) * competition[j] * v[j][c])),
    );
  });
}

function naiveCausalFlow({ q, k, v }: NaiveInputs, clamp: number): number[][] {
  const sinks = q.map((row) => row.map(sigmoid));
  const sources = k.map((row) => row.map(sigmoid));
  const upTo = (rows: Rows, t: number, factor: (u: number) => number = () => 1): number[] =>
    sumOf(rows.slice(0, t + 1), factor);
  const incoming = sinks.map((sink, t) => flow(sink, upTo(sources, t)) / (t + 1));
  const outgoing = sources.map((source, t) => flow(source, upTo(sinks, t)) / (t + 1));
  const competing = sources.map((source, t) => {
    const conserved =
      flow(
        source,
        upTo(sinks, t, (u) => 1 / incoming[u]),
      ) /
      (t + 1);
    return Math.exp(Math.min(Math.max(conserved, -clamp), clamp));
  });
  const competition = competing.map((x, t) => ((t + 1) * x) / total(competing.slice(0, t + 1)));
  return sinks.map((sink, t) => {
    const conserved =
      flow(
        sink,
        upTo(sources, t, (u) => 1 / outgoing[u]),
      ) /
      (t + 1);
    const share = sigmoid(conserved) / (incoming[t] * (t + 1));
    return v[0].map((_, c) =>
      total(sources.slice(0, t + 1).map((source, u) => share * dot(sink, source) * competition[u] * v[u][c])),
    );
  });
}
