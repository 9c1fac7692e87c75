// `node report.js`: the table of JapaneseVowels, and report/uea.html at the root of the repository.
import { dirname, join, relative } from 'node:path';
import { writeWhole } from '@primal-attention/experiment';
import { page } from './page.js';
import { inPaperOrder, markdownTable, protocolTable, tableRow, tolerance } from './rows.js';
import { configOf, experimentFolder, loadRun, runIds } from './summary.js';

// Only what was computed here: a committed result is no reproduction. And only the set that any machine can train in minutes.
const ids = runIds().filter((id) => configOf(id).dataset === 'JapaneseVowels');
const runs = inPaperOrder(ids.map((id) => loadRun(id, 'runs')));
const rows = runs.map(tableRow);

const path = join(dirname(dirname(experimentFolder)), 'report', 'uea.html');
writeWhole(path, page(runs, rows));

console.log('\nTest accuracy in percent:\n');
console.log(protocolTable(rows));
console.log('\nBest over epochs (the protocol of the paper) beside the paper:\n');
console.log(markdownTable(rows));
const reproduced = rows.filter((row) => row.reproduced).length;
console.log(`\nReport with figures: ${relative(process.cwd(), path)}`);
console.log(`Reproduced means no more than ${tolerance} points below the paper.`);
console.log(`reproduced: ${reproduced}/${rows.length}`);
if (reproduced < rows.length) process.exitCode = 1;
