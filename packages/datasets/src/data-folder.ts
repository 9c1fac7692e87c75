import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * The folder that holds data which this package does not ship: `PRIMAL_DATA`, or `data` under the workspace root.
 *
 * The workspace root is the nearest folder from the current one upwards with a `pnpm-workspace.yaml`, else the current one. A
 * relative `PRIMAL_DATA` is taken from the current folder if it exists there, else from the workspace root: a task runner
 * starts tasks in their package's folder.
 */
export function dataFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  current: string = process.cwd(),
): string {
  const root = workspaceRoot(current);
  const chosen = environment.PRIMAL_DATA;
  if (!chosen) return join(root, 'data');
  const fromCurrent = resolve(current, chosen);
  return existsSync(fromCurrent) ? fromCurrent : resolve(root, chosen);
}

function workspaceRoot(current: string): string {
  for (let folder = current; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return folder;
    if (folder === dirname(folder)) return current;
  }
}
