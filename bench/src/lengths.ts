// Tables and figures of what `bench:step --lengths --save` wrote: Primal beside softmax, over N at a constant number of tokens.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFigure } from '@primal-attention/notebook';
import { benchFolder } from './command-line.js';
import { lengthsFigure } from './lengths/figure.js';
import { readLines } from './lra-step/files.js';
import { lengthsTable } from './lra-step/table.js';

const folder = process.argv[2] ?? join(benchFolder(), 'results');
const names = (existsSync(folder) ? readdirSync(folder) : []).filter((name) =>
  /^lra-lengths-.*\.jsonl$/.test(name),
);
if (names.length === 0) {
  console.error(
    `${folder} has no lra-lengths-….jsonl yet: pnpm bench:step --lengths … --save makes them, on a GPU`,
  );
  process.exitCode = 1;
}
for (const name of names.sort()) {
  const path = join(folder, name);
  const lines = readLines(path);
  console.log(lengthsTable(lines));
  for (const ending of ['svg', 'png']) writeFigure(lengthsFigure(lines), path.replace(/jsonl$/, ending));
}
