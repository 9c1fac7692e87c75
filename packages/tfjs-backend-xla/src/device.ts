import {
  Client,
  type DeviceBuffer,
  findPlugin,
  type Plugin,
  prepareXlaFlags,
  reuseHostMemory,
} from '@primal-attention/pjrt';
import { Notes } from './disk-cache/notes.js';
import { openDiskCache } from './disk-cache/open.js';
import { turn, turnMilliseconds } from './event-loop.js';
import { ExecutableCache } from './executables.js';
import type { DataValue } from './graph/values.js';
import type { TensorType } from './hlo/types.js';
import { Pacing } from './pacing.js';
import { probe } from './tile/probe.js';

/** What backends of a process share: a plugin's client, and the programs compiled for it. */
export class XlaDevice {
  readonly executables: ExecutableCache;
  readonly pacing: Pacing;
  readonly notes: Notes;
  /** What {@link tileRefusal} found. */
  #tileRefusal: { readonly reason: string | undefined } | undefined;

  constructor(
    readonly plugin: Plugin,
    readonly client: Client,
  ) {
    const disk = openDiskCache(client);
    this.executables = new ExecutableCache(client, undefined, disk);
    this.notes = new Notes(disk);
    this.pacing = new Pacing(client);
  }

  /** The buffer of a value that is not pending; uploads it when it is only on the host. */
  bufferOf(value: DataValue): DeviceBuffer {
    if (value.buffer === undefined) {
      if (value.failure !== undefined) throw value.failure;
      if (value.host === undefined) throw new Error('xla backend: the tensor was disposed');
      value.buffer = this.client.toDevice(value.host, value.type.element, value.type.shape);
    }
    return value.buffer;
  }

  /**
   * Uploads values that are only on the host, leaving the event loop free now and then.
   *
   * @returns whether the event loop turned meanwhile: anything may have changed
   */
  async uploadInTurns(values: readonly DataValue[]): Promise<boolean> {
    let turned = false;
    let start = performance.now();
    for (const value of values) {
      if (value.buffer !== undefined || value.host === undefined) continue;
      this.bufferOf(value);
      if (performance.now() - start < turnMilliseconds) continue;
      await turn();
      turned = true;
      start = performance.now();
    }
    return turned;
  }

  /** Why this device runs no tile kernels, see {@link probe}; the test is made once. */
  tileRefusal(): string | undefined {
    this.#tileRefusal ??= { reason: probe(this.client, this.executables) };
    return this.#tileRefusal.reason;
  }

  /** Takes ownership of a buffer that a program returned. */
  adopt(handle: bigint, type: TensorType): DeviceBuffer {
    return this.client.wrap(handle, type.element, type.shape);
  }
}

let shared: XlaDevice | undefined;

/** The device of the best plugin; opened at the first call. @throws PluginError that says what to install */
export function openDevice(): XlaDevice {
  if (shared === undefined) {
    const plugin = findPlugin();
    prepareXlaFlags(plugin);
    if (plugin.platform !== 'cuda') reuseHostMemory();
    // The CUDA client would take most of the card at once, and hide how much memory programs need.
    const createOptions: Record<string, boolean> = plugin.platform === 'cuda' ? { preallocate: false } : {};
    const client = new Client(plugin.path, { createOptions });
    shared = new XlaDevice(plugin, client);
  }
  return shared;
}
