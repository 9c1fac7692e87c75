import { backends, mechanisms } from '../lra-step/settings.js';

/** One engine at one size: what `bench:step` measured, or why there is nothing. */
export type EngineLine = {
  readonly backend: string;
  readonly mechanism: string;
  readonly length: number;
  readonly batch: number;
  readonly commit: string;
  readonly modified: boolean;
  readonly date: string;
  readonly machine: string;
} & (
  | {
      readonly msPerStep: number;
      readonly ratio: number;
      readonly ratioTo: string;
      readonly residentBytes: number;
      readonly others: number;
    }
  | { readonly failure: string }
);

export function parseLines(text: string): EngineLine[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as EngineLine);
}

/** The table for people, a row per model and length and a column per engine; what stands in for it where there is none yet. */
export function engineTable(lines: readonly EngineLine[]): string {
  if (lines.length === 0) return '(No results yet: `pnpm bench:engines` makes them.)';
  const engines = backends.filter((name) => lines.some(({ backend }) => backend === name));
  const sizes = [...new Set(lines.map(({ mechanism, length, batch }) => `${mechanism} ${length} ${batch}`))];
  const order = (size: string): number => mechanisms.findIndex((mechanism) => size.startsWith(mechanism));
  sizes.sort((a, b) => order(a) - order(b) || Number(a.split(' ')[1]) - Number(b.split(' ')[1]));
  const rows = sizes.map((size) => {
    const cells = engines.map((engine) => {
      const line = lines.find(
        ({ backend, mechanism, length, batch }) =>
          backend === engine && `${mechanism} ${length} ${batch}` === size,
      );
      return line === undefined ? '' : cell(line);
    });
    return [...size.split(' '), ...cells];
  });
  const head = ['model', 'N', 'batch', ...engines.map((name) => `\`${name}\``)];
  const table = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
  const [first] = lines;
  const note = `Commit \`${first.commit.slice(0, 7)}\`${first.modified ? ' (modified)' : ''}, ${first.machine} (\`bench/results/engines-cpu.jsonl\`).`;
  return [...table, '', note].join('\n');
}

function cell(line: EngineLine): string {
  if ('failure' in line) return `not possible: ${line.failure.replaceAll('|', '\\|')}`;
  const digits = line.msPerStep < 100 ? 1 : 0;
  const ratio = line.ratioTo === line.backend ? '' : ` (${line.ratio.toFixed(1)})`;
  return `${line.msPerStep.toFixed(digits)} ms${ratio}, ${(line.residentBytes / 1e9).toFixed(1)} GB`;
}

const [begin, end] = ['<!-- made by pnpm bench:engines -->', '<!-- end -->'];

/** The text with what stands between its two markers replaced. @throws Error where there are no markers */
export function withSection(text: string, section: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`the text must have the lines ${begin} and ${end}, in this order`);
  return `${text.slice(0, from + begin.length)}\n\n${section}\n\n${text.slice(to)}`;
}
