import { delimiter, join } from 'node:path';
import { ROOT } from '../setup/workspace.mjs';

/** Arguments of Python that start JupyterLab for this machine alone; its token stays on. */
export function labArguments() {
  // It refuses to start for root, whom containers run as; it listens on the loopback address only.
  const root = process.getuid?.() === 0 ? ['--allow-root'] : [];
  return ['-m', 'jupyterlab', '--ip=127.0.0.1', ...root];
}

/** What makes the TypeScript kernel known: its spec lies in the repository and needs no installation, only to be found. */
export function labEnvironment() {
  const kernels = join(ROOT, 'notebooks', 'jupyter');
  return { JUPYTER_PATH: [kernels, process.env.JUPYTER_PATH].filter(Boolean).join(delimiter) };
}
