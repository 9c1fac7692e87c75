import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import koffi from 'koffi';
import { Args } from './args.js';
import { dynamicLinker } from './dynamic-linker.js';
import { codeName, PjrtError, PluginError } from './errors.js';
import { type FunctionName, functionNames } from './functions.js';
import { noteCall } from './process-exit.js';
import { Turnstile } from './turnstile.js';

type NativeFunction = ((args: Uint8Array | bigint) => bigint | null) & { async: NativeFunctionAsync };
type NativeFunctionAsync = (args: Uint8Array, done: (error: unknown, result: bigint | null) => void) => void;

const mebibyte = 2 ** 20;

// XLA's compiler recurses over the program: koffi's default of 2 MiB ends in a segmentation fault at 20,000 operations.
const callStack = 16 * mebibyte;
const koffiConfig = koffi.config();
if ((koffiConfig.sync_stack_size ?? 0) < callStack) {
  try {
    koffi.config({ ...koffiConfig, sync_stack_size: callStack, async_stack_size: callStack });
  } catch (cause) {
    process.emitWarning(
      `another package loaded a native library through koffi before @primal-attention/pjrt, so its call stack stays at ` +
        `${koffiConfig.sync_stack_size} bytes and compiling very long programs may crash; import this package first (${cause})`,
    );
  }
}

/*
 * koffi refuses more asynchronous calls than its limit, of all libraries of the process, and each that waits takes a stack. More
 * than libuv has threads run none the sooner; twice as many keep its threads busy.
 */
const libuvThreads = Number(process.env.UV_THREADPOOL_SIZE) || 4;
const asyncCalls = new Turnstile(Math.min(koffi.config().max_async_calls ?? 256, 2 * libuvThreads));

const returnsError = koffi.proto('void *', ['void *']);
const releases = koffi.proto('void', ['void *']);
const returnsApi = koffi.proto('void *', []);

/** What to add to the flags of dlopen so that the library is never unloaded. */
const noDelete = process.platform === 'darwin' ? 0x80 : 0x1000;
const resolveNow = 2;

/**
 * A loaded PJRT plugin: the functions of its table, called by name.
 *
 * A plugin stays loaded until the process ends. Unloading one whose threads still run is a crash at exit, which is what
 * an ordinary dlopen leads to; hence the flag RTLD_NODELETE.
 */
export class Library {
  readonly path: string;
  /** Version of the C interface, major and minor. */
  readonly version: readonly [major: number, minor: number];
  readonly #functions = new Map<FunctionName, NativeFunction>();
  readonly #async = new Map<FunctionName, (args: Uint8Array) => Promise<bigint | null>>();
  readonly #addresses: BigUint64Array;

  private constructor(path: string, apiAddress: bigint) {
    this.path = path;
    const tableStart = 40;
    const head = new DataView(koffi.view(apiAddress, tableStart).slice(0));
    const count = Math.min(functionNames.length, (Number(head.getBigUint64(0, true)) - tableStart) / 8);
    this.version = [head.getInt32(32, true), head.getInt32(36, true)];
    this.#addresses = new BigUint64Array(koffi.view(apiAddress, tableStart + 8 * count).slice(tableStart));
  }

  /**
   * @throws PluginError when the file is missing, is no shared library for this machine, is no PJRT plugin, or speaks
   *   an incompatible version of the interface
   */
  static open(path: string): Library {
    if (!existsSync(path)) throw new PluginError(`PJRT plugin: no file at ${path}`);
    const { dlopen, dlsym, dlerror } = dynamicLinker();
    const handle = dlopen(path, resolveNow | noDelete);
    if (handle === null) throw new PluginError(`PJRT plugin: cannot load ${path}: ${dlerror()}`);
    const symbol = dlsym(handle, 'GetPjrtApi');
    if (symbol === null) {
      throw new PluginError(
        `PJRT plugin: ${path} is a shared library, but no PJRT plugin (it has no GetPjrtApi)`,
      );
    }
    const api = (koffi.decode(symbol, returnsApi) as () => bigint | null)();
    if (api === null) throw new PluginError(`PJRT plugin: GetPjrtApi of ${path} gives no table of functions`);
    const library = new Library(path, api);
    checkVersion(library.version, path);
    library.call('Plugin_Initialize', new Args(16));
    return library;
  }

  /** Calls a function of the table. @throws PjrtError with the plugin's code and message */
  call(name: FunctionName, args: Args): Args {
    const error = this.function(name)(args.bytes);
    if (error !== null) throw this.takeError(error, name);
    return args;
  }

  /** Like {@link call}, on a thread of libuv's pool: the event loop stays free. Any number of calls may be made; they queue. */
  async callAsync(name: FunctionName, args: Args): Promise<Args> {
    let call = this.#async.get(name);
    if (call === undefined) {
      call = promisify(this.function(name).async) as (args: Uint8Array) => Promise<bigint | null>;
      this.#async.set(name, call);
    }
    const start = call;
    const error = await asyncCalls.pass(async () => {
      const ended = noteCall();
      try {
        return await start(args.bytes);
      } finally {
        ended();
      }
    });
    if (error !== null) throw this.takeError(error, name);
    return args;
  }

  /** The bare function, for the hot path: takes the struct's bytes or address, returns null or an error's handle. */
  function(name: FunctionName): NativeFunction {
    let fn = this.#functions.get(name);
    if (fn === undefined) {
      const address = this.#addresses[functionNames.indexOf(name)];
      if (!address) {
        throw new PjrtError('UNIMPLEMENTED', `the plugin at ${this.path} has no such function`, name);
      }
      fn = koffi.decode(address, returnsError) as NativeFunction;
      this.#functions.set(name, fn);
    }
    return fn;
  }

  /** Frees an object by the deleter that came with it. */
  release(deleter: bigint, object: bigint): void {
    if (deleter !== 0n) (koffi.decode(deleter, releases) as (object: bigint) => void)(object);
  }

  /** Throws the error behind a handle that {@link function} returned. */
  throwError(error: bigint, name: FunctionName): never {
    throw this.takeError(error, name);
  }

  /** The error behind a handle that {@link function} returned; frees the handle. */
  takeError(error: bigint, name: FunctionName): PjrtError {
    const message = new Args(40).setWord(16, error);
    this.function('Error_Message')(message.bytes);
    const code = new Args(32).setWord(16, error);
    this.function('Error_GetCode')(code.bytes);
    const result = new PjrtError(codeName(code.int32(24)), message.text(24), name);
    this.function('Error_Destroy')(new Args(24).setWord(16, error).bytes);
    return result;
  }
}

/** The oldest minor version whose structs have all the fields that this package writes. */
const oldestMinor = 60;

/** @throws PluginError when a plugin's version of the interface is not one that this package speaks */
export function checkVersion([major, minor]: readonly [major: number, minor: number], path: string): void {
  if (major === 0 && minor >= oldestMinor) return;
  throw new PluginError(
    `PJRT plugin: ${path} has interface version ${major}.${minor}, but this package speaks 0.${oldestMinor} and later 0.x; ` +
      (major === 0
        ? 'install a newer plugin'
        : 'install a plugin with one of those, or a newer version of this package'),
  );
}
