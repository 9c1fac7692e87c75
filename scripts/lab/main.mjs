import { join } from 'node:path';
import { main as prepare } from '../setup/main.mjs';
import { ROOT, venvProgram } from '../setup/workspace.mjs';
import { show } from '../show.mjs';
import { labArguments, labEnvironment } from './jupyterlab.mjs';

/** Set-up, then JupyterLab until it is stopped. Arguments are passed on to it. Returns the exit code. */
export async function main(args) {
  const prepared = await prepare();
  if (prepared !== 0) return prepared;
  return show({
    program: venvProgram('python'),
    args: [
      ...labArguments(),
      `--ServerApp.root_dir=${join(ROOT, 'notebooks')}`,
      // Also in the address that is printed where there is no browser to open.
      '--LabApp.default_url=/lab/tree/quickstart.ipynb',
      // The address, and what goes wrong.
      '--ServerApp.log_level=WARN',
      ...args,
    ],
    env: labEnvironment(),
  });
}
