import { Args, addressOf, copyMemory, readHandles } from './args.js';
import type { Client } from './client.js';
import { byteSize, type ElementType, elementOfCode } from './dtype.js';
import { PjrtError } from './errors.js';

/** Memory that one execution of a program takes, in bytes, as the compiler states it. */
export interface CompiledMemoryStats {
  generatedCodeBytes: number;
  argumentBytes: number;
  outputBytes: number;
  /** Outputs that share memory with donated arguments. */
  aliasBytes: number;
  temporaryBytes: number;
  /** All of it together: arguments + outputs - aliased + temporary. */
  totalBytes: number;
}

/**
 * A compiled program on a device. Owns the native executable, and one argument list that its calls fill again and
 * again, so that a call costs no allocation.
 */
export class Executable {
  readonly outputCount: number;
  readonly #client: Client;
  #handle: bigint;
  #call: Args | undefined;
  readonly #options = new Args(112);
  #arguments = new BigUint64Array(0);
  readonly #outputs: BigUint64Array;
  #execute: ((args: Uint8Array) => bigint | null) | undefined;
  #nonDonatable = new BigInt64Array(0);
  /** Calls under way on other threads: the native executable must outlive them. */
  #running = 0;
  #disposed = false;

  /** Takes ownership of a native executable. */
  constructor(client: Client, handle: bigint) {
    this.#client = client;
    this.#handle = handle;
    client.executableFinalizer.register(this, handle, this);
    this.outputCount = this.#withExecutable((executable) =>
      client.library.call('Executable_NumOutputs', new Args(32).setWord(16, executable)).int64(24),
    );
    this.#outputs = new BigUint64Array(Math.max(1, this.outputCount));
  }

  get handle(): bigint {
    if (this.#disposed) throw new Error('Executable: the executable was disposed');
    return this.#handle;
  }

  /** The list to fill with the handles of the arguments' buffers before {@link execute}. */
  argumentList(count: number): BigUint64Array {
    if (this.#arguments.length !== count) {
      this.#arguments = new BigUint64Array(count);
      this.#call = undefined;
    }
    return this.#arguments;
  }

  /**
   * Starts the program with the arguments in {@link argumentList}; returns as soon as the plugin does, which may be
   * before the results are there.
   *
   * Buffers of donated arguments are consumed, apart from those whose index is in `nonDonatable`: the program then
   * works on a copy.
   *
   * @returns handles of the results' buffers, which the caller owns; the array is valid until the next call
   * @throws PjrtError, with nothing consumed unless the program itself failed
   */
  execute(nonDonatable: readonly number[] = []): BigUint64Array {
    const call = this.#call ?? this.#prepare();
    if (nonDonatable.length > 0 || this.#nonDonatable.length > 0) {
      this.#nonDonatable = BigInt64Array.from(nonDonatable, BigInt);
      this.#options.setWord(56, nonDonatable.length === 0 ? 0n : addressOf(this.#nonDonatable));
      this.#options.setWord(64, nonDonatable.length);
    }
    const error = this.#execute!(call.bytes);
    if (error !== null) this.#fail(error);
    return this.#outputs;
  }

  #fail(handle: bigint): never {
    throw this.#withMemory(this.#client.library.takeError(handle, 'LoadedExecutable_Execute'));
  }

  /** An error of a run, which says what the program asks for where memory ran out. */
  #withMemory(error: unknown): unknown {
    if (!(error instanceof PjrtError) || error.code !== 'RESOURCE_EXHAUSTED' || this.#disposed) return error;
    return new PjrtError(error.code, `${error.detail} (${this.describeMemory()})`, error.functionName);
  }

  /**
   * Like {@link execute} on another thread, for plugins and programs that run before they return. The executable may
   * be executed again meanwhile; disposing it takes effect afterwards. The arguments' buffers must not be disposed.
   *
   * @param list handles of the arguments' buffers
   * @returns handles of the results' buffers, which the caller owns
   */
  async executeAsync(list: BigUint64Array, nonDonatable: readonly number[] = []): Promise<BigUint64Array> {
    const outputs = new BigUint64Array(Math.max(1, this.outputCount));
    const options = new Args(112);
    if (nonDonatable.length > 0) {
      options.setPointer(56, BigInt64Array.from(nonDonatable, BigInt)).setWord(64, nonDonatable.length);
    }
    const args = new Args(80)
      .setWord(16, this.handle)
      .setPointer(24, options)
      .setPointer(32, pointerTo(list))
      .setWord(40, 1)
      .setWord(48, list.length)
      .setPointer(56, pointerTo(outputs));
    this.#running++;
    try {
      await this.#client.library.callAsync('LoadedExecutable_Execute', args);
    } catch (error) {
      throw this.#withMemory(error);
    } finally {
      this.#running--;
      if (this.#disposed) this.#destroy();
      // Using the struct and the list down here keeps them out of the garbage collector's reach until now.
      args.setWord(48, list.length);
    }
    return outputs;
  }

  #prepare(): Args {
    this.#execute = this.#client.library.function('LoadedExecutable_Execute');
    this.#call = new Args(80)
      .setWord(16, this.handle)
      .setPointer(24, this.#options)
      .setPointer(32, pointerTo(this.#arguments))
      .setWord(40, 1)
      .setWord(48, this.#arguments.length)
      .setPointer(56, pointerTo(this.#outputs));
    return this.#call;
  }

  /** What the compiler says of the memory that one execution takes. */
  memoryStats(): CompiledMemoryStats {
    return this.#withExecutable((executable) => {
      const stats = this.#client.library.call(
        'Executable_GetCompiledMemoryStats',
        new Args(112).setWord(16, executable),
      );
      const bytes = {
        generatedCodeBytes: stats.int64(24),
        argumentBytes: stats.int64(32),
        outputBytes: stats.int64(40),
        aliasBytes: stats.int64(48),
        temporaryBytes: stats.int64(56),
      };
      const { argumentBytes, outputBytes, aliasBytes, temporaryBytes } = bytes;
      return { ...bytes, totalBytes: argumentBytes + outputBytes - aliasBytes + temporaryBytes };
    });
  }

  /** The results' types. */
  outputTypes(): { type: ElementType; shape: number[] }[] {
    return this.#withExecutable((executable) => {
      const { library } = this.#client;
      const types = library.call('Executable_OutputElementTypes', new Args(40).setWord(16, executable));
      const sizes = library.call('Executable_OutputDimensions', new Args(48).setWord(16, executable));
      const codes = new Int32Array(copyMemory(types.word(24), 4 * types.int64(32)).buffer);
      const ranks = readHandles(sizes.word(40), sizes.int64(24)).map(Number);
      const dimensions = readHandles(
        sizes.word(32),
        ranks.reduce((sum, rank) => sum + rank, 0),
      ).map(Number);
      let start = 0;
      return ranks.map((rank, i) => {
        const shape = dimensions.slice(start, start + rank);
        start += rank;
        return { type: elementOfCode(codes[i]), shape };
      });
    });
  }

  /** What the program asks for, in words: its largest result, and bytes by kind. */
  describeMemory(): string {
    const { argumentBytes, outputBytes, aliasBytes, temporaryBytes, totalBytes } = this.memoryStats();
    const [largest] = this.outputTypes()
      .map(({ type, shape }) => ({ bytes: byteSize(type, shape), text: `${type} [${shape}]` }))
      .sort((a, b) => b.bytes - a.bytes);
    const result =
      largest === undefined ? '' : `; its largest result is ${largest.text}, ${largest.bytes} bytes`;
    return (
      `the program asks for ${totalBytes - argumentBytes} bytes (new results ${outputBytes - aliasBytes}, temporary ${temporaryBytes}) ` +
      `beside ${argumentBytes} bytes of arguments${result}`
    );
  }

  /** The compiled program as bytes, for {@link Client.deserialize} on the same machine and plugin. */
  serialize(): Uint8Array {
    return this.#withExecutable((executable) => {
      const args = this.#client.library.call('Executable_Serialize', new Args(56).setWord(16, executable));
      const bytes = args.data(24);
      this.#client.library.release(args.word(48), args.word(40));
      return bytes;
    });
  }

  /** Like {@link serialize}, without blocking the event loop. */
  async serializeAsync(): Promise<Uint8Array> {
    const { library } = this.#client;
    const executable = library
      .call('LoadedExecutable_GetExecutable', new Args(32).setWord(16, this.handle))
      .word(24);
    try {
      const args = await library.callAsync('Executable_Serialize', new Args(56).setWord(16, executable));
      const bytes = args.data(24);
      library.release(args.word(48), args.word(40));
      return bytes;
    } finally {
      library.call('Executable_Destroy', new Args(24).setWord(16, executable));
    }
  }

  #withExecutable<T>(use: (executable: bigint) => T): T {
    const library = this.#client.library;
    const executable = library
      .call('LoadedExecutable_GetExecutable', new Args(32).setWord(16, this.handle))
      .word(24);
    try {
      return use(executable);
    } finally {
      library.call('Executable_Destroy', new Args(24).setWord(16, executable));
    }
  }

  /** Frees the program. A second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#destroy();
  }

  #destroy(): void {
    if (this.#running > 0 || this.#handle === 0n) return;
    this.#client.executableFinalizer.unregister(this);
    this.#client.library.call('LoadedExecutable_Destroy', new Args(24).setWord(16, this.#handle));
    this.#handle = 0n;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function pointerTo(list: BigUint64Array): BigUint64Array {
  return BigUint64Array.of(addressOf(list));
}
