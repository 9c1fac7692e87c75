import type { Comparison } from '../comparison/comparison.js';
import { indexOf, paperTable } from '../paper/tables.js';

/** Digits behind the point in a line's column. */
export function digitsOf({ table, column }: Pick<Comparison, 'table' | 'column'>): number {
  const { columns } = paperTable(table);
  return columns[indexOf(paperTable(table), 'column', column)].measure.digits;
}

/** The paper's number as it is printed, `77.8 ± 22.1`; null in a row that the paper does not have. */
export function paperText(line: Comparison): string | null {
  if (line.paper === null) return null;
  const digits = digitsOf(line);
  const value = line.paper.toFixed(digits);
  return line.deviation === null ? value : `${value} ± ${line.deviation.toFixed(digits)}`;
}

/** Our number, with its deviation where it has several seeds; null where there is none. */
export function oursText(line: Comparison): string | null {
  if (line.ours === null) return null;
  const digits = digitsOf(line);
  const value = line.ours.toFixed(digits);
  return line.oursDeviation === null ? value : `${value} ± ${line.oursDeviation.toFixed(digits)}`;
}

/** `+0.5`, `−0.8`, `0.0`. */
export function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** `96.5 to 99.3`. */
export function rangeText([from, to]: readonly [number, number], digits: number): string {
  return `${from.toFixed(digits)} to ${to.toFixed(digits)}`;
}
