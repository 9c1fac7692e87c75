import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { childEnvironment, ROOT } from './setup/workspace.mjs';

/**
 * Runs a command of `{ program, args, env }` in the checkout, its output shown as it comes. Returns the exit code.
 *
 * `onLine` gets each line of the output, unless that goes to a terminal, which the program is to find as it is.
 */
export function show({ program, args, env }, onLine) {
  const reads = onLine !== undefined && !process.stdout.isTTY;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...childEnvironment(), ...env },
      stdio: reads ? ['inherit', 'pipe', 'pipe'] : 'inherit',
    });
    if (reads) {
      for (const from of ['stdout', 'stderr']) {
        child[from].pipe(process[from], { end: false });
        createInterface({ input: child[from] }).on('line', onLine);
      }
    }
    child.on('error', (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}
