import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A part of a set, such as its training split. */
export interface SourcePart {
  readonly name: string;
  /**
   * Where it may lie, below the data folder; the first that exists counts. A file may also be there with `.gz` or `.xz` behind
   * its name; a place that ends in `/` is a folder.
   */
  readonly places: readonly string[];
}

/** A file of a set that is there. */
export interface PresentFile {
  readonly path: string;
  /** Below the data folder, for {@link knownFiles} and for copies. */
  readonly place: string;
}

/** What is there of a set. */
export interface Presence {
  readonly files: readonly PresentFile[];
  /** What is missing, in words. */
  readonly missing: readonly string[];
  /** In which form it is there, where a set has several. */
  readonly form?: string;
}

/** Looks for a set below a folder. */
export type Finder = (folder: string) => Promise<Presence>;

/** A tar archive is looked for in its packed forms first. */
const endingsOf = (place: string): readonly string[] =>
  place.endsWith('.tar') ? ['.gz', '.xz', ''] : ['', '.gz', '.xz'];

/** Finds a set by its parts. */
export function findParts(parts: readonly SourcePart[]): Finder {
  return async (folder) => {
    const files: PresentFile[] = [];
    const missing: string[] = [];
    for (const part of parts) {
      const place = part.places
        .flatMap((one) => (one.endsWith('/') ? [one] : endingsOf(one).map((ending) => one + ending)))
        .find((one) => existsSync(join(folder, one)));
      if (place === undefined) missing.push(`${part.name} (${part.places.join(' or ')})`);
      // Several parts may lie in one archive.
      else if (!files.some((file) => file.place === place)) files.push({ path: join(folder, place), place });
    }
    return { files, missing };
  };
}
