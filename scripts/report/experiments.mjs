import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The experiments under `root`: the folders with a package, by whether they have a built `cells` module. */
export function experimentsIn(root) {
  const folder = join(root, 'experiments');
  const names = readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'package.json')))
    .sort();
  const reports = (name) => existsSync(join(folder, name, 'dist', 'cells.js'));
  return { reporting: names.filter(reports), silent: names.filter((name) => !reports(name)) };
}

/** What an experiment reports, once every result file that it names is there. Throws an Error that names the module. */
export async function reportedCells(root, experiment) {
  const path = join(root, 'experiments', experiment, 'dist', 'cells.js');
  const where = `experiments/${experiment}/src/cells.ts`;
  const { cells } = await import(pathToFileURL(path).href);
  if (typeof cells !== 'function') throw new Error(`report: ${where} must export a function cells()`);
  const reported = cells();
  if (!Array.isArray(reported?.cells) || !Array.isArray(reported.missing)) {
    throw new Error(`report: cells() of ${where} must return { cells: [...], missing: [...] }`);
  }
  for (const cell of reported.cells) {
    const lost = [cell.source, ...(cell.sources ?? [])].find(
      (source) => !source || !existsSync(join(root, source)),
    );
    if (lost !== undefined) {
      throw new Error(
        `report: ${where}: the cell ${cell.table} / ${cell.row} / ${cell.column} names the result file ` +
          `'${lost}', which is not there; it takes a path from the root of the repository`,
      );
    }
  }
  return reported;
}
