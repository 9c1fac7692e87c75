import type { Comparison } from '../comparison/comparison.js';

/** All lines as one JSON array, a line of text for each. */
export function toJson(comparisons: readonly Comparison[]): string {
  return `[\n${comparisons.map((line) => JSON.stringify(line)).join(',\n')}\n]\n`;
}
