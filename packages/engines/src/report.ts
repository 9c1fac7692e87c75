import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type BackendName, backendOrder } from '@primal-attention/runtime';
import { checkSettings } from './settings.js';
import { packageFolder } from './tensorflow/place.js';

/** What can be said of an engine on this machine. */
export interface EngineReport {
  readonly name: BackendName;
  /** What it computes on, its versions and the memory it has; undefined when it does not start. */
  readonly details?: readonly string[];
  /** Why it does not start, with what to do. */
  readonly reason?: string;
}

/**
 * Tries each engine in a process of its own, so that one that crashes or is slow to load cannot harm the caller, nor
 * the others.
 *
 * @throws Error when `PRIMAL_KERNELS`, `PRIMAL_TUNING` or `PRIMAL_LOG` is wrong, with which no engine starts
 */
export async function reportEngines(): Promise<EngineReport[]> {
  checkSettings();
  return Promise.all(backendOrder.map(probe));
}

function probe(name: BackendName): Promise<EngineReport> {
  return new Promise((resolve) => {
    const program = join(packageFolder, 'dist', 'probe.js');
    const child = spawn(process.execPath, [program, name], {
      env: { ...process.env, PRIMAL_BACKEND: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.on('close', (code, signal) => {
      const last = stdout.trim().split('\n').at(-1) ?? '';
      if (code === 0) resolve({ name, ...(JSON.parse(last) as Omit<EngineReport, 'name'>) });
      else {
        const tail = stderr.trim().split('\n').slice(-3).join(' ');
        resolve({ name, reason: `its process ended with ${signal ?? `code ${code}`}: ${tail}` });
      }
    });
  });
}
