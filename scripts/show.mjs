import { spawn } from 'node:child_process';
import { childEnvironment, ROOT } from './setup/workspace.mjs';

/** Runs a command of `{ program, args, env }` in the checkout, its output shown as it comes. Returns the exit code. */
export function show({ program, args, env }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...childEnvironment(), ...env },
      stdio: 'inherit',
    });
    child.on('error', (error) => {
      console.error(`${program} could not be started: ${error.message}`);
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
}
