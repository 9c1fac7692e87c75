import { join } from 'node:path';
import { main as prepare } from '../setup/main.mjs';
import { ROOT, TOOLS } from '../setup/workspace.mjs';
import { show } from '../show.mjs';

const node = (...args) => ({ program: process.execPath, args });

/** What is run after the set-up, in this order; the first failure ends it. */
const COMMANDS = [
  // One at a time: each run uses all cores. What turbo has in its cache is not computed again.
  node(
    TOOLS.turbo,
    'run',
    'experiment',
    '--filter=@primal-attention/experiment-uea-japanese-vowels-*',
    '--concurrency=1',
    '--ui=stream',
  ),
  // Prints the table and `reproduced: N/N`, and writes report/uea.html.
  node(join(ROOT, 'experiments', 'uea', 'dist', 'report.js')),
];

/** Set-up, then COMMANDS. Returns the exit code. */
export async function main() {
  const prepared = await prepare();
  if (prepared !== 0) return prepared;
  for (const command of COMMANDS) {
    const code = await show(command);
    if (code !== 0) return code;
  }
  return 0;
}
