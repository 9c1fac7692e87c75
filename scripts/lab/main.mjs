import { delimiter, join } from 'node:path';
import { main as prepare } from '../setup/main.mjs';
import { ROOT, venvProgram } from '../setup/workspace.mjs';
import { show } from '../show.mjs';

/** Set-up, then JupyterLab until it is stopped. Arguments are passed on to it. Returns the exit code. */
export async function main(args) {
  const prepared = await prepare();
  if (prepared !== 0) return prepared;
  // The kernel spec lies in the repository and needs no installation, only to be found.
  process.env.JUPYTER_PATH = [join(ROOT, 'notebooks', 'jupyter'), process.env.JUPYTER_PATH]
    .filter(Boolean)
    .join(delimiter);
  return show({
    program: venvProgram('python'),
    args: ['-m', 'jupyterlab', '--ip=127.0.0.1', join(ROOT, 'notebooks', 'quickstart.ipynb'), ...args],
  });
}
