import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder } from './data-folder.js';

/** A part of a data set, with the places where it may lie, in order of preference. */
export interface Wanted {
  /** Of the loader, for messages. */
  caller: string;
  /** Of the data set, for messages. */
  set: string;
  /** Where it officially comes from. */
  source: string;
  /** Paths below the data folder. */
  places: readonly string[];
}

/**
 * The first of the places that exists.
 *
 * @throws saying where it was looked for, where the data comes from, and what to set
 */
export function locate({ caller, set, source, places }: Wanted, folder: string = dataFolder()): string {
  const found = places.map((place) => join(folder, place)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  const variable = process.env.PRIMAL_DATA ? `is '${process.env.PRIMAL_DATA}'` : 'is not set';
  throw new Error(
    `${caller}: ${set} is not on this machine: looked in ${folder} for ${places.join(', ')}. ` +
      `It comes from ${source}; set PRIMAL_DATA to the folder that holds it (PRIMAL_DATA ${variable}).`,
  );
}

/** The places with the ending of gzip added to each. */
export function orGzip(...places: string[]): string[] {
  return places.flatMap((place) => [place, `${place}.gz`]);
}
