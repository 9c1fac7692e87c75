import type { Download } from './download.js';
import { lraSources } from './lra-sources.js';
import { otherSources } from './other-sources.js';
import type { Presence } from './presence.js';
import { ueaSources } from './uea-sources.js';

export type { Presence, PresentFile, SourcePart } from './presence.js';

/** A file to fetch. */
export interface SourceDownload extends Download {
  /** Where it goes, below the data folder. */
  readonly place: string;
  /** Set where the file is an archive that loaders do not read as it lies there. */
  readonly unpack?: {
    /** Below the data folder; must not exist yet. */
    readonly folder: string;
    /** Where a member goes in it; undefined leaves the member out. */
    readonly pick: (path: string) => string | undefined;
  };
}

/** A data set, as `pnpm primal data` knows it. */
export interface Source {
  readonly name: string;
  readonly title: string;
  /** Where the paper uses it. */
  readonly use: string;
  /** Licence or terms, as far as they are known. */
  readonly terms: string;
  /** Where to find more, and where to fetch by hand. */
  readonly page: string;
  readonly find: (folder: string) => Promise<Presence>;
  /** Official files; none where a person must sign up first. */
  readonly downloads: readonly SourceDownload[];
  /** What a person must do where there is nothing to download. */
  readonly byHand?: string;
  /** Loads what is there and says what it is, such as `270 / 370 series`. @throws if it is not what it should be */
  readonly count: (folder: string) => Promise<string>;
  /** `count` also works where only a part is there. */
  readonly countsParts?: boolean;
  /** Makes the set, which no download gives. */
  readonly generate?: (say: (line: string) => void) => Promise<string>;
}

/** All sets, by name. */
export const sources: ReadonlyMap<string, Source> = new Map(
  [...ueaSources, ...lraSources, ...otherSources].map((source) => [source.name, source]),
);

/** The set of this name. @throws naming all */
export function sourceOf(name: string): Source {
  const source = sources.get(name);
  if (source) return source;
  throw new Error(`no data set is called '${name}'; known are ${[...sources.keys()].join(', ')}`);
}
