import type { Mechanism } from './mechanism.js';
import { mechanisms } from './registry.js';

/** What the table prints for an entry of the registry. */
function row({
  name,
  title,
  layer,
  time,
  memory,
  causal,
  mask,
  maskNote,
  batchIndependent,
  tables,
}: Mechanism): string {
  const cells = [
    title,
    `\`'${name}'\`, \`${layer.name}\``,
    `O(${time})`,
    `O(${memory})`,
    { never: 'no', always: 'always', option: '`causal: true`' }[causal],
    { exact: 'exact', partial: 'partly', refused: 'refused' }[mask] +
      (maskNote === undefined ? '' : `: ${maskNote}`),
    batchIndependent === true ? 'yes' : `no: ${batchIndependent}`,
    tables.length === 0 ? 'none' : tables.join(', '),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** MECHANISMS.md: one row for each mechanism of the registry, and where it comes from. */
export function mechanismTable(): string {
  const all = Object.values(mechanisms) as unknown as Mechanism[];
  const header = [
    'mechanism',
    'name and layer',
    'time',
    'memory',
    'causal',
    'mask',
    'samples independent',
    'tables of the paper',
  ];
  return [
    '# Attention mechanisms',
    '',
    'Written from the registry by `pnpm mechanisms` in this package; a test compares the two. N is the length of the',
    'sequence and p the size of a head; s is the rank of Primal-Attention, m the number of landmarks or random features, r that',
    'of hash rounds (Reformer) or of projected keys (Linformer), c the length of a chunk, w half a window. Time and memory are',
    "per head and sample. Each cell holds for the default options, which are the official code's.",
    '',
    "- `createAttention(name, config)` makes the layer; x or [x, mask] go in, and x's shape comes out.",
    '- A mask is exact where padded tokens cannot change the output of a real one.',
    "- Samples are independent where the rest of the batch cannot change a sample's output.",
    '',
    `| ${header.join(' | ')} |`,
    `|${header.map(() => '---').join('|')}|`,
    ...all.map(row),
    '',
    '| mechanism | options | source |',
    '|---|---|---|',
    ...all.map(({ title, options, source }) => {
      const listed =
        options.length === 0 ? 'none of its own' : options.map((option) => `\`${option}\``).join(', ');
      return `| ${title} | ${listed} | ${source} |`;
    }),
    '',
  ].join('\n');
}
