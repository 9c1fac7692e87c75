import { createHash, randomUUID } from 'node:crypto';
import {
  promises as files,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { decodeEntry, decodeEntryAsync, encodeEntry, encodeEntryAsync, sha256Async } from './entry.js';
import { openFolder } from './folder.js';

const entrySuffix = '.executable';
const temporarySuffix = '.writing';
/** A temporary file of this age has lost its writer. */
const abandonedAfterMs = 60 * 60 * 1000;

export interface DiskCacheOptions {
  folder: string;
  /** Bytes that the entries may take together. The least recently used go first. */
  limit: number;
  /** What else an executable depends on, see `compilationEnvironment`. */
  environment: string;
  /** Whether to log what is found, missed and written, on standard error. */
  log?: boolean;
}

/**
 * Compiled executables in files, shared by processes.
 *
 * A file appears under its name only when it is complete, and says by checksum that it is what was written. Whatever goes
 * wrong with the folder or a file costs a compilation and one warning, never an error.
 */
export class DiskCache {
  readonly #options: DiskCacheOptions;
  readonly #warned = new Set<string>();
  #usable = true;
  /** Reading goes on after a write that failed: a full disk still holds what it held. */
  #writable = true;
  #opened = false;
  /** Bytes of all entries when last counted, plus what this process wrote since. */
  #bytes: number | undefined;

  constructor(options: DiskCacheOptions) {
    this.#options = options;
  }

  /** The name of a program's executable: SHA-256 of its text and of what else decides about the result. */
  key(program: string): string {
    return createHash('sha256').update(this.#options.environment).update('\0').update(program).digest('hex');
  }

  /** Like {@link key}, taken on another thread: a long program's text is megabytes. */
  async keyAsync(program: string): Promise<string> {
    return (await sha256Async(Buffer.from(`${this.#options.environment}\0${program}`))).toString('hex');
  }

  /**
   * The executable under a key, checked; undefined when there is none that can be used.
   *
   * @param instead what happens then, in the warning of one that is damaged
   */
  read(key: string, instead?: string): Uint8Array | undefined {
    if (!this.#open()) return undefined;
    const path = this.#path(key);
    let file: Uint8Array;
    try {
      file = readFileSync(path);
    } catch (error) {
      return this.#missed(key, error, instead);
    }
    try {
      return this.#used(key, decodeEntry(key, file));
    } catch (error) {
      return this.#missed(key, error, instead);
    }
  }

  /** Like {@link read}, with files read and checked in the background. */
  async readAsync(key: string): Promise<Uint8Array | undefined> {
    if (!this.#open()) return undefined;
    let file: Uint8Array;
    try {
      file = await files.readFile(this.#path(key));
    } catch (error) {
      return this.#missed(key, error);
    }
    try {
      return this.#used(key, await decodeEntryAsync(key, file));
    } catch (error) {
      return this.#missed(key, error);
    }
  }

  /** Keeps an executable. */
  write(key: string, executable: Uint8Array): void {
    if (!this.#open() || !this.#writable) return;
    const temporary = this.#temporary(key);
    try {
      const entry = encodeEntry(key, executable);
      writeFileSync(temporary, entry, { mode: 0o600, flag: 'wx' });
      renameSync(temporary, this.#path(key));
      this.#written(key, entry.length);
    } catch (error) {
      this.#cannotWrite(temporary, error);
    }
  }

  /** Like {@link write}, with the file written in the background. */
  async writeAsync(key: string, executable: Uint8Array): Promise<void> {
    if (!this.#open() || !this.#writable) return;
    const temporary = this.#temporary(key);
    try {
      const entry = await encodeEntryAsync(key, executable);
      await files.writeFile(temporary, entry, { mode: 0o600, flag: 'wx' });
      await files.rename(temporary, this.#path(key));
      this.#written(key, entry.length);
    } catch (error) {
      this.#cannotWrite(temporary, error);
    }
  }

  /** Removes an entry that turned out to be unusable, with a warning. */
  reject(key: string, reason: unknown, instead = 'the program is compiled again'): void {
    const path = this.#path(key);
    this.#warn('entry', `cannot use ${path}, so ${instead}: ${messageOf(reason)}`);
    this.#remove(path);
  }

  /** Writes a line to standard error, where `PRIMAL_LOG` asks for it. */
  log(event: string, key: string, detail: string): void {
    if (this.#options.log) console.error(`primal cache: ${event} ${key.slice(0, 12)} ${detail}`);
  }

  #path(key: string): string {
    return join(this.#options.folder, `${key}${entrySuffix}`);
  }

  #temporary(key: string): string {
    return join(this.#options.folder, `${key}.${randomUUID()}${temporarySuffix}`);
  }

  /** The folder is made when it is first needed. */
  #open(): boolean {
    if (this.#opened || !this.#usable) return this.#usable;
    this.#opened = true;
    try {
      openFolder(this.#options.folder);
    } catch (error) {
      this.#usable = false;
      this.#warn(
        'folder',
        `cannot use the folder ${this.#options.folder}, so executables are not kept: ${messageOf(error)}. ` +
          'PRIMAL_CACHE names another folder, or is off.',
      );
    }
    return this.#usable;
  }

  #missed(key: string, error: unknown, instead?: string): undefined {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.log('miss', key, '');
    else this.reject(key, error, instead);
    return undefined;
  }

  /** Notes that an entry was used. @returns its executable */
  #used(key: string, executable: Uint8Array): Uint8Array {
    const now = new Date();
    try {
      utimesSync(this.#path(key), now, now);
    } catch (error) {
      // Another process may have removed it; elsewhere the order of use is all that suffers.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#warn('touch', `cannot note the use of an entry: ${messageOf(error)}`);
    }
    return executable;
  }

  #written(key: string, size: number): void {
    this.log('write', key, `${(size / 2 ** 20).toFixed(2)} MiB`);
    if (this.#bytes === undefined || this.#bytes + size > this.#options.limit) this.#tidy();
    else this.#bytes += size;
  }

  #cannotWrite(temporary: string, error: unknown): void {
    this.#writable = false;
    // Removing what was begun may fail for the same reason, which one warning is enough for.
    this.#warned.add('remove');
    this.#remove(temporary);
    this.#warn(
      'write',
      `cannot write to ${this.#options.folder}, so no more executables are kept from now on: ${messageOf(error)}`,
    );
  }

  /** Removes what lost its writer, and the least recently used entries beyond the limit. */
  #tidy(): void {
    const { folder, limit } = this.#options;
    const entries: { path: string; size: number; used: number }[] = [];
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      if (name.endsWith(entrySuffix)) entries.push({ path, size: stat.size, used: stat.mtimeMs });
      else if (name.endsWith(temporarySuffix) && Date.now() - stat.mtimeMs > abandonedAfterMs)
        this.#remove(path);
    }
    let bytes = entries.reduce((sum, { size }) => sum + size, 0);
    if (bytes > limit) {
      entries.sort((a, b) => a.used - b.used);
      // Somewhat below the limit, so that not every write from now on has to look at all files.
      for (const { path, size } of entries) {
        if (bytes <= 0.9 * limit) break;
        this.#remove(path);
        bytes -= size;
      }
    }
    this.#bytes = bytes;
  }

  #remove(path: string): void {
    try {
      rmSync(path, { force: true });
    } catch (error) {
      this.#warn('remove', `cannot remove ${path}: ${messageOf(error)}`);
    }
  }

  /** Warns once of each kind of trouble. */
  #warn(kind: string, message: string): void {
    if (this.#warned.has(kind)) return;
    this.#warned.add(kind);
    process.emitWarning(`xla backend, cache of executables: ${message}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
