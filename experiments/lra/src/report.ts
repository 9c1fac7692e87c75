// `node report.js`: runs with GPU kernels beside those without, in report/lra.html at the root of the repository.
import { dirname, join, relative } from 'node:path';
import { writeWhole } from '@primal-attention/experiment';
import { committedFolder } from './committed.js';
import { experimentFolder } from './folder.js';
import { page } from './page.js';
import { pairsOf } from './pairs.js';

const pairs = pairsOf(committedFolder());
const path = join(dirname(dirname(experimentFolder())), 'report', 'lra.html');
writeWhole(path, page(pairs));
const compared = pairs.filter((pair) => pair.with.length > 0 && pair.without.length > 0).length;
console.log(`Runs with kernels and without: ${compared} of ${pairs.length}`);
console.log(`Report with figures: ${relative(process.cwd(), path)}`);
