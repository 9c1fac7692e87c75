import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../command-line.js';
import { hasModule, Peer } from '../peer.js';
import type { Options } from './options.js';
import { type PeerName, peerProgram } from './peers.js';
import { type Backend, isXla } from './settings.js';

/** A program that takes part: started, warm, and waiting for its next round. */
export interface Contestant {
  readonly name: Backend | PeerName;
  readonly peer: Peer;
  /** The loss of its first step. */
  readonly loss: number;
  /** Milliseconds from the start of the process to its first loss. `disk`: in a second process, with the first one's cache. */
  readonly firstLossMs: { readonly cold: number; readonly disk: number | null };
  readonly compileMs: { readonly cold: number | null; readonly disk: number | null };
  /** What it says of itself. */
  readonly info: Record<string, unknown>;
}

interface FirstLoss {
  readonly loss: number;
  readonly elapsed: number;
  readonly compilation: Record<string, number> | null;
}

/** A process that has had its first loss. */
async function launch(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ peer: Peer; first: FirstLoss }> {
  const start = performance.now();
  const peer = new Peer(command, args, { ...process.env, ...env });
  const { loss, compilation } = await peer.answer();
  const elapsed = performance.now() - start;
  return { peer, first: { elapsed, loss, compilation: compilation ?? null } as FirstLoss };
}

/**
 * Starts a backend: once with an empty cache of executables, and again with what that process left there. The second
 * process is the one that is timed, so that no compilation is in its memory.
 *
 * @param cacheFolder for the caches of all backends, each in a folder of its own
 */
export async function startBackend(
  name: Backend,
  { settings }: Options,
  cacheFolder: string,
): Promise<Contestant> {
  const args = [...process.execArgv, process.argv[1], '--serve', name, JSON.stringify(settings)];
  if (!isXla(name)) {
    const { peer, first } = await launch(process.execPath, args, {});
    const info = await peer.answer();
    return {
      ...{ name, peer, info, loss: first.loss },
      firstLossMs: { cold: first.elapsed, disk: null },
      compileMs: { cold: null, disk: null },
    };
  }
  const env = { PRIMAL_CACHE: join(cacheFolder, name) };
  const cold = await launch(process.execPath, args, env);
  await cold.peer.answer();
  await cold.peer.end();
  const { peer, first } = await launch(process.execPath, args, env);
  const info = await peer.answer();
  // What the second process had to compile did not come from the disk: then there is nothing to report.
  const cached = first.compilation?.compilations === 0;
  if (!cached && info.peakBytesSource === 'the device') {
    // The device's peak has autotuning in it.
    Object.assign(info, { peakBytes: null, peakBytesSource: null });
  }
  return {
    ...{ name, peer, info, loss: first.loss },
    firstLossMs: { cold: cold.first.elapsed, disk: cached ? first.elapsed : null },
    compileMs: {
      cold: compileTime(cold.first),
      disk: cached ? compileTime(first) : null,
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

/** Refuses a peer whose library its Python lacks: before anything is timed. */
export function checkPeer(name: PeerName, options: Options): void {
  const { module } = peerProgram(name);
  const python = options.python(name);
  if (!hasModule(python, module)) {
    throw new UsageError(
      `--peers: '${python}' cannot import ${module}; install it there or name another Python with --peer-python`,
    );
  }
}

export async function startPeer(name: PeerName, options: Options): Promise<Contestant> {
  const { file, flags } = peerProgram(name);
  const threads = availableParallelism();
  const args = Object.entries({ ...options.settings, threads, device: options.device }).flatMap(
    ([option, value]) => [`--${option}`, String(value)],
  );
  // JAX would take most of the card at once, and leave nothing to the others.
  const env = { XLA_PYTHON_CLIENT_PREALLOCATE: 'false' };
  const { peer, first } = await launch(
    options.python(name),
    [join(options.peersFolder, file), ...args, ...flags],
    env,
  );
  return {
    ...{ name, peer, info: await peer.answer(), loss: first.loss },
    firstLossMs: { cold: first.elapsed, disk: null },
    compileMs: { cold: compileTime(first), disk: null },
  };
}
