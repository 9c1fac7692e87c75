import type { DiskCache } from './disk-cache.js';

/**
 * Short texts, such as what was measured, that hold for one plugin, device and driver: kept in memory, and where there is
 * a disk cache, among its entries. They go by its rules: checked, and gone when they were not used for long.
 */
export class Notes {
  readonly #disk: DiskCache | undefined;
  readonly #texts = new Map<string, string>();

  constructor(disk: DiskCache | undefined) {
    this.#disk = disk;
  }

  read(name: string): string | undefined {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const bytes = this.#disk?.read(this.#disk.key(noteOf(name)), instead);
    if (bytes === undefined) return undefined;
    const text = Buffer.from(bytes).toString('utf8');
    this.#texts.set(name, text);
    return text;
  }

  write(name: string, text: string): void {
    this.#texts.set(name, text);
    this.#disk?.write(this.#disk.key(noteOf(name)), Buffer.from(text, 'utf8'));
  }
}

/** Notes are of how kernels are launched. */
const instead = 'launches of kernels are chosen again';

/** No program begins like this, so that no note has the key of one. */
function noteOf(name: string): string {
  return `note\0${name}`;
}
