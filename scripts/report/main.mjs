import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from '../build.mjs';
import { ROOT, userFolder } from '../setup/workspace.mjs';
import { experimentsIn, reportedCells } from './experiments.mjs';

const USAGE = `pnpm report [--json]

Sets what the experiments' committed results say beside the paper's tables.
  pnpm report              writes report/index.html, report/report.md and report/report.csv, and prints the results
  pnpm -s report --json    prints one JSON array instead, an object for each cell, and writes nothing`;

/** The build, the cells of all experiments, and the report of them. Returns the exit code. */
export async function main(args) {
  if (args.length === 1 && ['--help', '-h'].includes(args[0])) {
    console.log(USAGE);
    return 0;
  }
  const json = args[0] === '--json';
  if (args.length > (json ? 1 : 0)) {
    console.error(`report: not understood: ${args.join(' ')}\n\n${USAGE}`);
    return 2;
  }
  const code = build('report', ['@primal-attention/report', './experiments/*']);
  if (code !== 0) return code;

  const { compare, reportFiles, resultsMarkdown, summaryLine, toJson } = await import(
    pathToFileURL(join(ROOT, 'packages', 'report', 'dist', 'index.js')).href
  );
  const { reporting, silent } = experimentsIn(ROOT);
  const comparisons = compare(
    await Promise.all(reporting.map((experiment) => reportedCells(ROOT, experiment))),
  );
  if (json) {
    // Whoever reads only the beginning, as `head` does, closes the pipe.
    process.stdout.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error;
    });
    process.stdout.write(toJson(comparisons));
    return 0;
  }
  const folder = join(ROOT, 'report');
  mkdirSync(folder, { recursive: true });
  // Made before any is written.
  const files = Object.entries(reportFiles(comparisons));
  for (const [name, text] of files) {
    // There as a whole or not at all.
    writeFileSync(join(folder, `${name}.tmp`), text);
    renameSync(join(folder, `${name}.tmp`), join(folder, name));
  }
  const results = resultsMarkdown(comparisons);
  if (results) console.log(results);
  for (const experiment of silent) {
    console.log(`experiments/${experiment} reports no cells: it has no src/cells.ts`);
  }
  console.log(`Report: ${files.map(([name]) => relative(userFolder(), join(folder, name))).join(', ')}`);
  console.log(summaryLine(comparisons));
  return 0;
}
