import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { report, setUp } from '../setup/main.mjs';
import { ROOT } from '../setup/workspace.mjs';
import { show } from '../show.mjs';

const PROGRAM = join(ROOT, 'packages', 'cli', 'dist', 'main.js');

/** Runs `primal` with the arguments; on a fresh clone the set-up comes first. Returns the exit code. */
export async function main(args) {
  if (!existsSync(PROGRAM)) {
    try {
      await setUp();
    } catch (error) {
      return report(error);
    }
  }
  return show({ program: process.execPath, args: [PROGRAM, ...args] });
}
