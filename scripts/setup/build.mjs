import { readFileSync } from 'node:fs';
import { runLogged } from './child.mjs';
import { SetupError } from './failure.mjs';
import { ROOT, TOOLS } from './workspace.mjs';

/** The step that compiles the workspace's packages. turbo knows what is built already; it only has to be asked. */
export const build = {
  id: 'build',
  title: 'Packages of this workspace',
  async perform({ env, log, onStart }) {
    await runLogged(
      process.execPath,
      [TOOLS.turbo, 'run', 'build', '--concurrency=100%', '--ui=stream', '--output-logs=new-only'],
      {
        cwd: ROOT,
        env,
        log,
        onStart,
        what: 'Building the packages',
      },
    );
    const [, cached, total] = /Cached:\s+(\d+) cached, (\d+) total/.exec(readFileSync(log, 'utf8')) ?? [];
    if (total === undefined) throw new SetupError(`turbo printed no summary of what it built; see ${log}`);
    return cached === total ? 'up to date' : `done (${total - cached} of ${total} built)`;
  },
};
