import { sources } from '@primal-attention/datasets';
import { alignedRows } from './table.js';

/** `primal data list`. */
export function list(): void {
  const rows = [...sources.values()].map(({ name, title, use, downloads, byHand, generate }) => {
    const ways = [
      ...(generate ? ['generated'] : []),
      ...new Set(downloads.map(({ url }) => new URL(url).host)),
      ...(downloads.length === 0 && byHand ? [byHand] : []),
    ];
    return [name, title, use, ways.join(', ')];
  });
  for (const line of alignedRows([['name', 'set', 'for', 'from'], ...rows])) console.log(line);
  console.log('\npnpm primal data get NAME puts one into the data folder; terms of use are shown then.');
}
