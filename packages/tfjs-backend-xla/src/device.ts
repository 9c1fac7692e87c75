import { Client, findPlugin, type Plugin, prepareXlaFlags } from '@primal-attention/pjrt';
import { ExecutableCache } from './executables.js';

/** What backends of a process share: a plugin's client, and the programs compiled for it. */
export interface XlaDevice {
  readonly plugin: Plugin;
  readonly client: Client;
  readonly executables: ExecutableCache;
}

let shared: XlaDevice | undefined;

/** The device of the best plugin; opened at the first call. @throws PluginError that says what to install */
export function openDevice(): XlaDevice {
  if (shared === undefined) {
    const plugin = findPlugin();
    prepareXlaFlags(plugin);
    // The CUDA client would take most of the card at once, and hide how much memory programs need.
    const createOptions: Record<string, boolean> = plugin.platform === 'cuda' ? { preallocate: false } : {};
    const client = new Client(plugin.path, { createOptions });
    shared = { plugin, client, executables: new ExecutableCache(client) };
  }
  return shared;
}
