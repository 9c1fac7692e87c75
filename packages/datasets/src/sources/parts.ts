import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Presence, PresentFile, SourcePart } from './registry.js';

const endings = ['', '.gz', '.xz'];

/** Finds a set by its parts. */
export function findParts(parts: readonly SourcePart[]): (folder: string) => Promise<Presence> {
  return async (folder) => {
    const files: PresentFile[] = [];
    const missing: string[] = [];
    for (const part of parts) {
      const place = part.places
        .flatMap((one) => (one.endsWith('/') ? [one] : endings.map((ending) => one + ending)))
        .find((one) => existsSync(join(folder, one)));
      if (place === undefined) missing.push(`${part.name} (${part.places.join(' or ')})`);
      // Several parts may lie in one archive.
      else if (!files.some((file) => file.place === place)) files.push({ path: join(folder, place), place });
    }
    return { files, missing };
  };
}
