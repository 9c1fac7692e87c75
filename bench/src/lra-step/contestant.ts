import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../command-line.js';
import { hasModule, Peer } from '../peer.js';
import type { Entry, Options } from './options.js';
import { type PeerName, peerProgram } from './peers.js';
import { isXla, type OwnSettings } from './settings.js';

/** A program that takes part: started, warm, and waiting for its next round. */
export interface Contestant {
  readonly entry: Entry;
  readonly peer: Peer;
  /** The loss of its first step. */
  readonly loss: number;
  /** Milliseconds from the start of the process to its first loss. `disk`: in a second process, with the first one's cache. */
  readonly firstLossMs: { readonly cold: number; readonly disk: number | null };
  readonly compileMs: { readonly cold: number | null; readonly disk: number | null };
  /** The part of it in which launches of kernels were compiled and timed, to choose among them. */
  readonly tuningMs: { readonly cold: number | null; readonly disk: number | null };
  /** What it says of itself. */
  readonly info: Record<string, unknown>;
}

interface FirstLoss {
  readonly loss: number;
  readonly elapsed: number;
  readonly compilation: Record<string, number> | null;
  readonly tuning: { readonly launches: number; readonly milliseconds: number } | null;
}

/** A process that has had its first loss. */
export async function launch(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ peer: Peer; first: FirstLoss }> {
  const start = performance.now();
  const peer = new Peer(command, args, { ...process.env, ...env });
  const { loss, compilation, tuning } = await readyAnswer(peer);
  const elapsed = performance.now() - start;
  return {
    peer,
    first: { elapsed, loss, compilation: compilation ?? null, tuning: tuning ?? null } as FirstLoss,
  };
}

/** The next answer of a program, which is ended where there is none that can be read: a loss that is NaN, say. */
export async function readyAnswer(peer: Peer): Promise<Record<string, unknown>> {
  try {
    return await peer.answer();
  } catch (error) {
    peer.kill();
    throw error;
  }
}

const untimed = { cold: null, disk: null };

/** Starts what an entry names: one of our backends, or a peer. */
export async function startContestant(
  entry: Entry,
  options: Options,
  cacheFolder: string,
): Promise<Contestant> {
  return entry.kernels === null ? await startPeer(entry, options) : await startBackend(entry, cacheFolder);
}

/** How this program is started as one of our backends. */
export function backendCommand({ name, kernels, settings }: Entry): string[] {
  const own: OwnSettings = { ...settings, kernels: kernels ?? 'off' };
  return [...process.execArgv, process.argv[1], '--serve', name, JSON.stringify(own)];
}

/**
 * Starts a backend: once with an empty cache of executables and choices of launches, and again with what that process left
 * there. The second process is the one that is timed, so that neither compilation nor tuning is in its memory.
 *
 * @param cacheFolder for its cache, empty
 */
async function startBackend(entry: Entry, cacheFolder: string): Promise<Contestant> {
  const args = backendCommand(entry);
  if (!isXla(entry.name)) {
    const { peer, first } = await launch(process.execPath, args, {});
    const info = await readyAnswer(peer);
    return {
      ...{ entry, peer, info, loss: first.loss },
      firstLossMs: { cold: first.elapsed, disk: null },
      ...{ compileMs: untimed, tuningMs: untimed },
    };
  }
  const env = { PRIMAL_CACHE: cacheFolder };
  const cold = await launch(process.execPath, args, env);
  await readyAnswer(cold.peer);
  await cold.peer.end();
  const { peer, first } = await launch(process.execPath, args, env);
  const info = await readyAnswer(peer);
  // What the second process had to compile or choose did not come from the disk: then there is nothing to report.
  const cached = first.compilation?.compilations === 0 && first.tuning?.launches === 0;
  if (!cached && info.peakBytesSource === 'the device') {
    // The device's peak has autotuning in it.
    Object.assign(info, { peakBytes: null, peakBytesSource: null });
  }
  return {
    ...{ entry, peer, info, loss: first.loss },
    firstLossMs: { cold: cold.first.elapsed, disk: cached ? first.elapsed : null },
    compileMs: { cold: compileTime(cold.first), disk: cached ? compileTime(first) : null },
    tuningMs: {
      cold: cold.first.tuning?.milliseconds ?? null,
      disk: cached ? (first.tuning?.milliseconds ?? null) : null,
    },
  };
}

/** Compiling and loading, which a backend's statistics may count apart: `milliseconds`, `loadMilliseconds`. */
function compileTime({ compilation }: FirstLoss): number | null {
  if (compilation === null) return null;
  return Object.entries(compilation).reduce(
    (sum, [name, value]) => (/milliseconds$/i.test(name) ? sum + value : sum),
    0,
  );
}

/** Refuses a module that its Python lacks: before anything is timed. */
export function checkModule(option: string, module: string, options: Options): void {
  const python = options.python(module);
  if (!hasModule(python, module)) {
    throw new UsageError(
      `${option}: '${python}' cannot import ${module}; install it there or name another Python with --peer-python`,
    );
  }
}

async function startPeer(entry: Entry, options: Options): Promise<Contestant> {
  const { file, flags, module } = peerProgram(entry.name as PeerName);
  const threads = availableParallelism();
  const args = Object.entries({ ...entry.settings, threads, device: options.device }).flatMap(
    ([option, value]) => [`--${option}`, String(value)],
  );
  // JAX would take most of the card at once, and leave nothing to the others.
  const env = { XLA_PYTHON_CLIENT_PREALLOCATE: 'false' };
  const { peer, first } = await launch(
    options.python(module),
    [join(options.peersFolder, file), ...args, ...flags],
    env,
  );
  return {
    ...{ entry, peer, info: await readyAnswer(peer), loss: first.loss },
    firstLossMs: { cold: first.elapsed, disk: null },
    compileMs: { cold: compileTime(first), disk: null },
    tuningMs: untimed,
  };
}
