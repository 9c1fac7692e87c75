import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this experiment, for programs that run in the checkout. A run itself does not ask: it knows its own folder. */
export function experimentFolder(): string {
  return dirname(dirname(fileURLToPath(import.meta.url)));
}

/** Names of all runs: the folders with a config. */
export function runIds(): string[] {
  return readdirSync(experimentFolder())
    .filter((name) => existsSync(join(experimentFolder(), name, 'config.json')))
    .sort();
}
