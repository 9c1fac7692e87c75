import { createHash } from 'node:crypto';

/** What survives JSON: the options and facts of a data set. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** A file, or all that a loader read, as it was when the data was made from it. */
export interface SourceSum {
  readonly name: string;
  readonly sha256: string;
}

/** What an entry was made from, and so what it is found by. */
export interface Recipe {
  /** The data set, such as `listops`. Letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** Of the code that makes it: counted up when its result changes. */
  readonly version: number;
  /** Every option that changes the result, defaults filled in. */
  readonly options: Json;
  /** None for generated data. */
  readonly sources: readonly SourceSum[];
}

/** Of the file format. */
const format = 1;

/** The recipe as text: equal for equal recipes, in whatever order their keys were written. */
export function recipeText(recipe: Recipe): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(recipe.name)) {
    throw new Error(`cached: the name must be letters, digits, '.', '_' and '-', got '${recipe.name}'`);
  }
  if (!Number.isSafeInteger(recipe.version) || recipe.version < 1) {
    throw new Error(`cached: the version must be a whole number from 1 on, got ${recipe.version}`);
  }
  const { name, version, options } = recipe;
  const sources = recipe.sources.map(({ name, sha256 }) => ({ name, sha256 }));
  return canonical({ format, name, version, options, sources });
}

/** Under which name the recipe's entry lies. */
export function recipeKey(recipe: Recipe): string {
  return createHash('sha256').update(recipeText(recipe)).digest('hex').slice(0, 24);
}

/** JSON with sorted keys, without undefined ones. @throws for a number that JSON has no word for */
export function canonical(value: Json | undefined): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new Error(`cached: ${value} cannot stand in options or facts: JSON has no such number`);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value as { readonly [key: string]: Json | undefined })
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
    return `{${fields.join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}
