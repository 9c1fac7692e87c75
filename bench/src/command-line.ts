import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPlugins } from '@primal-attention/pjrt';

/** A mistake on the command line. */
export class UsageError extends Error {}

/** A function that reads counts from the values of a command line. */
export function countReader(
  values: Readonly<Record<string, unknown>>,
): (name: string, fallback: number, least?: number) => number {
  return (name, fallback, least = 1) =>
    values[name] === undefined ? fallback : count(name, values[name] as string, least);
}

export function count(name: string, text: string, least = 1): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`--${name} must be an integer of at least ${least}, got '${text}'`);
  }
  return value;
}

export function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  if (!(known as readonly string[]).includes(value)) {
    throw new UsageError(`--${name} must be one of ${known.join(', ')}, got '${value}'`);
  }
  return value as T;
}

/** The items of a list with commas. */
export function items(value: string): string[] {
  return value.split(',').filter((item) => item !== '');
}

export function listOf<T extends string>(name: string, value: string, known: readonly T[]): T[] {
  return items(value).map((item) => oneOf(name, item, known));
}

/** What XLA runs on, and therefore what the peers are to run on. */
export type Device = 'cpu' | 'cuda';

export function defaultDevice(): Device {
  return findPlugins()[0]?.path.includes('cuda') ? 'cuda' : 'cpu';
}

/** The folder that has peers and results. A bundle has everything beside it; in the package, compiled files are below dist. */
export function benchFolder(): string {
  const folder = dirname(fileURLToPath(import.meta.url));
  return import.meta.url.endsWith('.mjs') ? folder : join(folder, '..');
}
