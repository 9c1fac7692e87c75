import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  deviceName,
  type KernelUse,
  readableJson,
  watchKernels,
  writeWhole,
} from '@primal-attention/experiment';
import { takenTiles, tileChoiceText, tileKernelRefusal } from '@primal-attention/runtime';
import type { ProgressSink } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import type { RunConfig } from './config.js';

/** What a run's training step had of GPU kernels of our own: what was compiled, not what was asked for. */
export interface KernelSession {
  readonly device: string;
  /** Calls of kernels in the compiled step; of results of commit 785165e and before, different kernels. */
  readonly calls: number;
  /** The launch that was taken for each kernel, as a config's `kernels` names it. */
  readonly launches: Readonly<Record<string, string>>;
  /** How each of them was chosen, such as `by measurement of 3 of 6`; not kept in results of commit 785165e and before. */
  readonly chosen?: Readonly<Record<string, string>>;
}

/** Why kernels that a config asks for do not run here; undefined where they do, or where it asks for none. */
export function kernelRefusal({ kernels }: Pick<RunConfig, 'kernels'>): string | undefined {
  const reason = kernels === undefined ? undefined : tileKernelRefusal();
  return reason && `it asks for GPU kernels, and none run here: ${reason}`;
}

/** Whether two sessions computed the same, as far as both know: one that began with an evaluation knows its launches, too. */
function isAlike(one: KernelSession, other: KernelSession): boolean {
  const agree = Object.entries(one.launches).every(
    ([kernel, launch]) => (other.launches[kernel] ?? launch) === launch,
  );
  return one.device === other.device && one.calls === other.calls && agree;
}

/** Of a run with kernels: makes sure that its steps have some, and keeps what they had in `kernels.json` of the run's folder. */
export class KernelNotes {
  readonly #path: string;
  readonly #use: KernelUse;

  /**
   * Begin before the model's programs are compiled.
   *
   * @param use of the backend; default: that of the one in use is watched
   */
  constructor(
    directory: string,
    // Kernels run on this backend alone: see kernelRefusal.
    use: KernelUse = watchKernels(tf.backend() as unknown as Parameters<typeof watchKernels>[0]),
  ) {
    this.#path = join(directory, 'kernels.json');
    this.#use = use;
  }

  /** A display of a training, which comes to be updated when its first steps are done: they are looked at then. */
  beside(progress: ProgressSink): ProgressSink {
    let noted = false;
    return {
      update: (state) => {
        if (!noted) this.#note();
        noted = true;
        progress.update(state);
      },
      message: (text) => progress.message(text),
      close: () => progress.close(),
    };
  }

  /** What the sessions of the run had that trained, those that had the same as one. @throws Error where none is known */
  sessions(): readonly KernelSession[] {
    const noted = this.#read();
    if (noted.length > 0) return noted;
    throw new Error(`the run has trained, but ${this.#path}, which says by which kernels, is missing`);
  }

  #read(): readonly KernelSession[] {
    return existsSync(this.#path) ? (JSON.parse(readFileSync(this.#path, 'utf8')) as KernelSession[]) : [];
  }

  /** @throws Error where the step has no kernels */
  #note(): void {
    const { calls } = this.#use;
    if (calls === 0) {
      throw new Error(
        'the run asks for GPU kernels, and its training step was compiled without any: ' +
          (tileKernelRefusal() ??
            "the model's layers took plain formulations, which these sizes may ask for") +
          '. Leave --kernels out, or `kernels` of the config',
      );
    }
    const launches = Object.fromEntries(takenTiles().map(({ name, label }) => [name, label]));
    const chosen = Object.fromEntries(takenTiles().map((taken) => [taken.name, tileChoiceText(taken)]));
    const session: KernelSession = { device: deviceName(), calls, launches, chosen };
    const before = this.#read();
    const at = before.findIndex((other) => isAlike(other, session));
    const merged = {
      ...session,
      launches: { ...before[at]?.launches, ...launches },
      // How it was chosen at first: later processes have it from disk.
      chosen: { ...chosen, ...before[at]?.chosen },
    };
    writeWhole(this.#path, readableJson(at < 0 ? [...before, session] : before.with(at, merged)));
  }
}
