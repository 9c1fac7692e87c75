import { Args, addressOf, readHandles } from './args.js';
import { DeviceBuffer, type NativeHandle } from './buffer.js';
import { compileOptions } from './compile-options.js';
import { Device } from './device.js';
import { byteSize, type ElementType, elementCode } from './dtype.js';
import { PjrtError } from './errors.js';
import { Executable } from './executable.js';
import { Library } from './library.js';
import { liveClients } from './process-exit.js';

/** Options of a {@link Client}. */
export interface ClientOptions {
  /**
   * Options that the plugin understands. For CUDA: `preallocate` (false keeps the client from taking most of the card
   * at once), `memory_fraction`, `allocator`.
   */
  createOptions?: Record<string, string | number | boolean>;
}

/** A connection to a plugin's devices. Owns everything made through it; the plugin stays loaded until the process ends. */
export class Client {
  readonly library: Library;
  readonly platformName: string;
  readonly platformVersion: string;
  readonly devices: readonly Device[];
  /** Frees the native side of objects that nobody disposed. */
  readonly bufferFinalizer: FinalizationRegistry<NativeHandle>;
  readonly executableFinalizer: FinalizationRegistry<bigint>;
  #handle: bigint;
  // A training step destroys hundreds of buffers: the call's struct and function are looked up once.
  readonly #destroyArgs = new Args(24);
  readonly #destroyWords = new BigUint64Array(
    this.#destroyArgs.bytes.buffer,
    this.#destroyArgs.bytes.byteOffset,
    3,
  );
  readonly #destroyAddress = addressOf(this.#destroyArgs.bytes);
  readonly #destroy: (args: bigint) => bigint | null;

  constructor(pluginPath: string, options: ClientOptions = {}) {
    const library = Library.open(pluginPath);
    this.library = library;
    this.#destroy = library.function('Buffer_Destroy');
    const create = new Args(88);
    const entries = Object.entries(options.createOptions ?? {});
    if (entries.length > 0) create.setPointer(16, namedValues(entries)).setWord(24, entries.length);
    this.#handle = library.call('Client_Create', create).word(64);
    this.platformName = library.call('Client_PlatformName', new Args(40).setWord(16, this.#handle)).text(24);
    this.platformVersion = library
      .call('Client_PlatformVersion', new Args(40).setWord(16, this.#handle))
      .text(24);
    const list = library.call('Client_AddressableDevices', new Args(40).setWord(16, this.#handle));
    this.devices = readHandles(list.word(24), list.int64(32)).map((handle) => new Device(library, handle));
    this.bufferFinalizer = new FinalizationRegistry(({ handle }) => {
      if (handle !== 0n) this.destroyBuffer(handle);
    });
    this.executableFinalizer = new FinalizationRegistry((handle) => {
      library.call('LoadedExecutable_Destroy', new Args(24).setWord(16, handle));
    });
    liveClients.add(this);
  }

  get handle(): bigint {
    if (this.#handle === 0n) throw new Error('Client: the client was disposed');
    return this.#handle;
  }

  /**
   * Copies an array, in row-major order, to a device. The data is not needed any more when this returns.
   *
   * @throws PjrtError with code RESOURCE_EXHAUSTED when the device's memory is full
   */
  toDevice(
    data: ArrayBufferView,
    type: ElementType,
    shape: readonly number[],
    device = this.devices[0],
  ): DeviceBuffer {
    const size = byteSize(type, shape);
    if (data.byteLength !== size) {
      throw new Error(
        `Client.toDevice: ${type} [${shape}] takes ${size} bytes, but the data has ${data.byteLength}`,
      );
    }
    const args = new Args(120)
      .setWord(16, this.handle)
      .setPointer(24, size === 0 ? new Uint8Array(8) : data)
      .setInt32(32, elementCode(type))
      .setPointer(40, BigInt64Array.from(shape.length === 0 ? [0n] : shape.map(BigInt)))
      .setWord(48, shape.length)
      .setWord(80, device.handle);
    try {
      this.library.call('Client_BufferFromHostBuffer', args);
    } catch (error) {
      if (!(error instanceof PjrtError) || error.code !== 'RESOURCE_EXHAUSTED') throw error;
      throw new PjrtError(
        error.code,
        `for ${type} [${shape}], ${size} bytes: ${error.detail}`,
        error.functionName,
      );
    }
    const copied = args.word(104);
    if (copied !== 0n) this.library.call('Event_Destroy', new Args(24).setWord(16, copied));
    return new DeviceBuffer(this, args.word(112), type, shape);
  }

  /** Compiles a StableHLO module given as text. @throws PjrtError with the compiler's message */
  compile(program: string): Executable {
    const args = this.#compileArgs(program);
    return new Executable(this, this.library.call('Client_Compile', args).word(48));
  }

  /** Like {@link compile}, without blocking the event loop. */
  async compileAsync(program: string): Promise<Executable> {
    const args = this.#compileArgs(program);
    return new Executable(this, (await this.library.callAsync('Client_Compile', args)).word(48));
  }

  #compileArgs(text: string): Args {
    const code = Buffer.from(text, 'utf8');
    const format = Buffer.from('mlir');
    const program = new Args(48)
      .setPointer(16, code)
      .setWord(24, code.length)
      .setPointer(32, format)
      .setWord(40, format.length);
    const options = compileOptions();
    return new Args(56)
      .setWord(16, this.handle)
      .setPointer(24, program)
      .setPointer(32, options)
      .setWord(40, options.length);
  }

  /** Loads what {@link Executable.serialize} gave. A damaged input can end the process: check it before. */
  deserialize(bytes: Uint8Array): Executable {
    const args = this.#deserializeArgs(bytes);
    return new Executable(this, this.library.call('Executable_DeserializeAndLoad', args).word(40));
  }

  /** Like {@link deserialize}, without blocking the event loop. */
  async deserializeAsync(bytes: Uint8Array): Promise<Executable> {
    const args = this.#deserializeArgs(bytes);
    return new Executable(
      this,
      (await this.library.callAsync('Executable_DeserializeAndLoad', args)).word(40),
    );
  }

  #deserializeArgs(bytes: Uint8Array): Args {
    return new Args(64).setWord(16, this.handle).setPointer(24, bytes).setWord(32, bytes.length);
  }

  /** The options that programs are compiled with, as a serialised `CompileOptionsProto`. */
  compileOptions(): Uint8Array {
    return compileOptions();
  }

  /** Takes ownership of a buffer that a program returned. */
  wrap(handle: bigint, type: ElementType, shape: readonly number[]): DeviceBuffer {
    return new DeviceBuffer(this, handle, type, shape);
  }

  /** Frees a native buffer that no {@link DeviceBuffer} owns. */
  destroyBuffer(handle: bigint): void {
    this.#destroyWords[2] = handle;
    const error = this.#destroy(this.#destroyAddress);
    if (error !== null) this.library.throwError(error, 'Buffer_Destroy');
  }

  /** Destroys the client. Its buffers and executables must not be used any more. */
  dispose(): void {
    if (this.#handle === 0n) return;
    liveClients.delete(this);
    this.library.call('Client_Destroy', new Args(24).setWord(16, this.#handle));
    this.#handle = 0n;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** An array of PJRT_NamedValue structs. */
function namedValues(entries: [string, string | number | boolean][]): Uint8Array {
  const size = 56;
  const all = Buffer.alloc(size * entries.length);
  for (const [i, [name, value]] of entries.entries()) {
    const encoded = Buffer.from(name);
    const item = new Args(size).setPointer(16, encoded).setWord(24, encoded.length);
    if (typeof value === 'string') {
      const text = Buffer.from(value);
      item.setInt32(32, 0).setPointer(40, text).setWord(48, text.length);
      pinned.push(text);
    } else if (typeof value === 'boolean') {
      item
        .setInt32(32, 4)
        .setWord(40, value ? 1 : 0)
        .setWord(48, 1);
    } else if (Number.isInteger(value)) {
      item.setInt32(32, 1).setWord(40, value).setWord(48, 1);
    } else {
      item.setInt32(32, 3).setFloat32(40, value).setWord(48, 1);
    }
    pinned.push(encoded);
    all.set(item.bytes, size * i);
  }
  return all;
}

/** Names and texts of create options: a few bytes, kept for good, since the plugin does not say when it is done. */
const pinned: Uint8Array[] = [];
