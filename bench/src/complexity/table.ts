import { type ComplexityLine, parts, quantities } from './line.js';

/** The exponents for people, and the numbers of the longest sequence. */
export function complexityTable(lines: readonly ComplexityLine[]): string {
  const names = { flops: 'FLOPs', bytes: 'memory', forward: 'forward', step: 'and backward' };
  const columns = quantities.flatMap((quantity) => parts.map((part) => ({ quantity, part })));
  const longest = Math.max(...lines.flatMap(({ lengths }) => lengths));
  const rows = [
    [
      'exponent c of a + b N^c',
      ...columns.map(({ quantity, part }) => `${names[quantity]} ${names[part]}`),
      ...quantities.map((quantity) => `off, ${names[quantity]}`),
      `GFLOPs at ${longest}`,
      `MiB at ${longest}`,
    ],
    ...lines.map(({ mechanism, fits, flops, bytes }) => [
      mechanism,
      ...columns.map(({ quantity, part }) => fits[quantity][part].exponent.toFixed(2)),
      ...quantities.map((quantity) => {
        const worst = Math.max(...parts.map((part) => fits[quantity][part].worst));
        return `${(100 * worst).toFixed(0)} %`;
      }),
      ((flops.step.at(-1) as number) / 1e9).toFixed(2),
      ((bytes.step.at(-1) as number) / 2 ** 20).toFixed(0),
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[i] + 2))).join(''),
    )
    .join('\n');
}
