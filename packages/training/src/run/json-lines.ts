import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';

/** A file of JSON lines that grows at its end, and can be cut back to an earlier length. */
export class JsonLinesFile {
  readonly #path: string;
  readonly #file: number;
  #bytes: number;

  /**
   * Opens or creates `path` and drops what follows its first `keepBytes` bytes.
   *
   * @throws Error when the file is shorter than that
   */
  constructor(path: string, keepBytes: number) {
    this.#path = path;
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const { size } = fstatSync(this.#file);
    if (size < keepBytes) {
      closeSync(this.#file);
      throw new Error(
        `${path} has ${size} bytes, but the checkpoint beside it was written when it had ${keepBytes}; ` +
          'it was cut or replaced. Restore it, or delete the folder to start again',
      );
    }
    ftruncateSync(this.#file, keepBytes);
    this.#bytes = keepBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(value: unknown): void {
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    try {
      for (let written = 0; written < line.length; ) {
        written += writeSync(this.#file, line, written, line.length - written, this.#bytes + written);
      }
    } catch (error) {
      // The system names no file where a disk is full.
      throw new Error(`cannot write ${this.#path}: ${(error as Error).message}`, { cause: error });
    }
    this.#bytes += line.length;
  }

  /** Waits until everything is on the disk. */
  flush(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** All lines of a file, parsed. */
export function readJsonLines(path: string): unknown[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.slice(0, -1).map((line, i) => {
    try {
      return JSON.parse(line) as unknown;
    } catch (error) {
      throw new Error(`${path}, line ${i + 1}, is not JSON: ${(error as Error).message}`);
    }
  });
}
