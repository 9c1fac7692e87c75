import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { main as prepare } from '../setup/main.mjs';
import { ROOT, userFolder } from '../setup/workspace.mjs';
import { show } from '../show.mjs';

const PROGRAM = join(ROOT, 'packages', 'cli', 'dist', 'main.js');

/** Runs `primal` with the arguments; on a fresh clone the set-up comes first. Returns the exit code. */
export async function main(args) {
  if (!existsSync(PROGRAM)) {
    const code = await prepare();
    if (code !== 0) return code;
  }
  return show({ program: process.execPath, args: [PROGRAM, ...args], env: { INIT_CWD: userFolder() } });
}
