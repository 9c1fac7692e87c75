import { relative, resolve } from 'node:path';
import { main as prepare } from '../setup/main.mjs';
import { ROOT, userFolder, venvProgram } from '../setup/workspace.mjs';
import { show } from '../show.mjs';

/** Set-up, then notebooks/run.py with the arguments; without --quick it writes outputs back. Returns the exit code. */
export async function main(args) {
  const prepared = await prepare();
  if (prepared !== 0) return prepared;
  const form = ['--quick', '--retime'].some((option) => args.includes(option)) ? [] : ['--in-place'];
  // Names are meant from where the user stands; the program runs in the root.
  const named = args.map((arg) =>
    arg.endsWith('.ipynb') ? relative(ROOT, resolve(userFolder(), arg)) : arg,
  );
  return show({ program: venvProgram('python'), args: ['notebooks/run.py', ...form, ...named] });
}
