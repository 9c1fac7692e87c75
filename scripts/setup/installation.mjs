import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstMissing, takeInventory } from './inventory.mjs';
import { ROOT, STATE } from './workspace.mjs';

/**
 * Something that several parts install into, one after the other: node_modules, or .venv. A record on disk says which
 * parts are in (by the hash of what they were made from) and what files lay there afterwards, so that a part is
 * installed again exactly when its sources changed, when files are missing, or when it never came to its end.
 */
export class Installation {
  #record;

  /**
   * @param {string} id names the record
   * @param {() => string[]} folders whose contents are watched, relative to the checkout
   * @param {() => Promise<void>} clear removes everything that was installed
   */
  constructor(id, folders, clear) {
    this.id = id;
    this.folders = folders;
    this.clear = clear;
  }

  get #path() {
    return join(STATE, `${this.id}.json`);
  }

  #write(record) {
    this.#record = record;
    writeFileSync(`${this.#path}.new`, JSON.stringify(record));
    renameSync(`${this.#path}.new`, this.#path);
  }

  /** Reads the record once; what is half done or damaged is cleared, so that the parts start from nothing. */
  async #open(note) {
    if (this.#record) return;
    let record = { begun: undefined, keys: {}, inventory: {} };
    try {
      record = JSON.parse(readFileSync(this.#path, 'utf8'));
    } catch (error) {
      if (error.code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
    }
    const missing = firstMissing(record.inventory, takeInventory(ROOT, this.folders()));
    if (record.begun === undefined && missing === undefined) {
      this.#record = record;
      return;
    }
    note(
      record.begun
        ? 'an earlier set-up broke off here, starting afresh'
        : `${missing} is missing or incomplete, starting afresh`,
    );
    await this.#clear(record.begun ?? 'clear');
  }

  async #clear(begun) {
    this.#write({ begun, keys: {}, inventory: {} });
    await this.clear();
    this.#write({ begun: undefined, keys: {}, inventory: {} });
  }

  /**
   * Installs one part by `run` unless it is in with the same `key`; returns what to show. A part that is the ground of
   * the others (`isBase`) clears the installation first.
   */
  async install({ part, key, isBase = false, run, note }) {
    await this.#open(note);
    if (this.#record.keys[part] === key) return 'up to date';
    if (isBase) await this.#clear(part);
    const { [part]: _, ...others } = this.#record.keys;
    this.#write({ ...this.#record, begun: part });
    try {
      await run();
    } catch (error) {
      // npm, pnpm and pip fetch before they touch what is installed: the other parts are whole.
      if (error.kind === 'network') this.#finish(others);
      throw error;
    }
    this.#finish({ ...others, [part]: key });
    return 'done';
  }

  #finish(keys) {
    this.#write({ begun: undefined, keys, inventory: takeInventory(ROOT, this.folders()) });
  }
}
