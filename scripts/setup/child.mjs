import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statfsSync } from 'node:fs';
import { causeOf, SetupError } from './failure.mjs';

const windows = process.platform === 'win32';
const TAIL_LINES = 25;
const FULL_BYTES = 2 ** 24;

/** The children that still run, so that a signal can be passed on to them. */
const running = new Set();
let interruptedBy;

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

function passOn(signal) {
  interruptedBy = signal;
  if (running.size === 0) process.exit(SIGNALS[signal]);
  for (const child of running) {
    if (windows) child.kill();
    else process.kill(-child.pid, signal);
  }
}

/** Passes signals on to what `runLogged` runs, and lets it end first. Returns the function that undoes this. */
export function passSignalsOn() {
  // Once: a second Ctrl-C ends this process at once.
  for (const signal of Object.keys(SIGNALS)) process.once(signal, passOn);
  return () => {
    for (const signal of Object.keys(SIGNALS)) process.removeListener(signal, passOn);
  };
}

function freeBytes(path) {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/**
 * Runs a command to its end with all that it prints in `log`. Throws a SetupError with the cause and the last lines
 * when it fails. `onStart` gets the process id.
 */
export async function runLogged(command, args, { cwd, env, log, what, shell = false, onStart = () => {} }) {
  const file = openSync(log, 'w');
  let failure;
  try {
    failure = await new Promise((resolve) => {
      // A process group of its own: a signal then reaches what npx and pnpm start as well.
      const child = spawn(command, args, {
        cwd,
        env,
        shell,
        stdio: ['ignore', file, file],
        detached: !windows,
        windowsHide: true,
      });
      const end = (reason) => {
        running.delete(child);
        resolve(reason);
      };
      running.add(child);
      if (child.pid !== undefined) onStart(child.pid);
      child.on('error', (error) => end(`${command} could not be started: ${error.message}`));
      child.on('close', (code, signal) =>
        end(code === 0 ? undefined : signal ? `it was ended by ${signal}` : `exit code ${code}`),
      );
    });
  } finally {
    closeSync(file);
  }
  if (interruptedBy)
    throw new SetupError(`${what} was interrupted; the next set-up repairs what it left.`, 'interrupted');
  if (failure === undefined) return;
  const output = readFileSync(log, 'utf8');
  // With no room left, the log cannot tell it either.
  const cause = causeOf(output) ?? (freeBytes(log) < FULL_BYTES ? causeOf('ENOSPC') : undefined);
  const tail = output.trimEnd().split('\n').slice(-TAIL_LINES);
  throw new SetupError(
    [
      `${what} failed (${failure}).`,
      ...(cause ? [cause.advice] : []),
      '',
      `The last lines of ${log}:`,
      ...tail.map((line) => `  | ${line}`),
    ].join('\n'),
    cause?.kind,
  );
}
