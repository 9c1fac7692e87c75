import { evaluate } from './evaluate.js';
import type { ListOpsExpression } from './make.js';
import { closing, firstOperator, type OperatorName, operatorNames } from './tokens.js';

/** A distribution in short. */
export interface Summary {
  min: number;
  mean: number;
  max: number;
  /** The 10th, 25th, 50th, 75th and 90th percentile (of the sorted values, the one at index ⌊q (n - 1)⌋). */
  percentiles: readonly number[];
}

/** What {@link listOpsStatistics} counts. */
export interface ListOpsStatistics {
  expressions: number;
  /** Share of each operator among all operators. */
  operators: Readonly<Record<OperatorName, number>>;
  /** Share of operators with 0, 1, 2, … arguments. */
  args: readonly number[];
  /** Tokens without parentheses. */
  length: Summary;
  /** Levels of nodes; a single digit has 1. */
  depth: Summary;
  /** Share of each depth, from 0. */
  depths: readonly number[];
  /** Share of each value, 0 to 9. */
  labels: readonly number[];
  /** Share of expressions that occur more than once. */
  repeated: number;
}

/** Counts what makes one ListOps set comparable with another. */
export function listOpsStatistics(expressions: Iterable<ListOpsExpression>): ListOpsStatistics {
  const operators = [0, 0, 0, 0];
  const args: number[] = [];
  const lengths: number[] = [];
  const depths: number[] = [];
  const labels = new Array<number>(10).fill(0);
  const seen = new Set<string>();
  for (const { ids, value } of expressions) {
    const open: number[] = [];
    for (const id of ids) {
      if (id === closing) {
        const count = open.pop()!;
        args[count] = (args[count] ?? 0) + 1;
        continue;
      }
      if (open.length > 0) open[open.length - 1]++;
      if (id >= firstOperator) {
        operators[id - firstOperator]++;
        open.push(0);
      }
    }
    lengths.push(ids.length);
    depths.push(evaluate(ids).depth);
    labels[value]++;
    seen.add(Buffer.from(ids.buffer, ids.byteOffset, ids.length).toString('latin1'));
  }
  const total = operators.reduce((sum, count) => sum + count, 0);
  const perDepth: number[] = [];
  for (const depth of depths) perDepth[depth] = (perDepth[depth] ?? 0) + 1;
  const n = lengths.length;
  if (n === 0) throw new Error('listOpsStatistics: there is no expression');
  return {
    expressions: n,
    operators: Object.fromEntries(
      operatorNames.map((name, i) => [name, operators[i] / total]),
    ) as ListOpsStatistics['operators'],
    args: Array.from(args, (count) => (count ?? 0) / total),
    length: summary(lengths),
    depth: summary(depths),
    depths: Array.from(perDepth, (count) => (count ?? 0) / n),
    labels: labels.map((count) => count / n),
    repeated: 1 - seen.size / n,
  };
}

function summary(values: number[]): Summary {
  const sorted = Float64Array.from(values).sort();
  const at = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))];
  return {
    min: sorted[0],
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    max: sorted[sorted.length - 1],
    percentiles: [0.1, 0.25, 0.5, 0.75, 0.9].map(at),
  };
}
