import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { deviceName } from './device.js';

/** The code's own checkout, wherever the program was started. */
const here = dirname(fileURLToPath(import.meta.url));

/** Where a result comes from. */
export interface Provenance {
  /** Commit of the code: `PRIMAL_COMMIT`, for code that was packed without its checkout, else git's; else `unknown`. */
  readonly commit: string;
  /** True when tracked files differed from that commit. */
  readonly modified: boolean;
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly backend: string;
  /** What the backend computed on, and with. */
  readonly device: string;
}

/** Of a result that this process makes now: call it before the work begins, since what counts is the code that was loaded. */
export function provenance(): Provenance {
  const packed = process.env.PRIMAL_COMMIT || undefined;
  const commit = packed ?? git('rev-parse', 'HEAD');
  return {
    commit: commit?.replace(/-modified$/, '') ?? 'unknown',
    modified: packed
      ? packed.endsWith('-modified')
      : commit !== undefined && git('status', '--porcelain', '--untracked-files=no') !== '',
    date: new Date().toISOString(),
    machine: `${cpus()[0].model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
    backend: tf.getBackend(),
    device: deviceName(),
  };
}

function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      cwd: here,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // No git, or no checkout: an unpacked archive runs too.
    return undefined;
  }
}
