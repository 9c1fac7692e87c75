import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { RunError } from './run-error.js';

/** Reads a run's config. @throws RunError naming the file and each setting that is wrong */
export function readConfigFile<T>(schema: z.ZodType<T>, path: string): T {
  return parseConfigOf(schema, readJsonConfig(path), path);
}

/** A config that is still to be checked. @throws RunError naming the file where it is missing or no JSON */
export function readJsonConfig(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new RunError(`config ${path}: ${(error as Error).message}`);
  }
}

/** Checks a run's config. @throws RunError naming `source` and each setting that is wrong */
export function parseConfigOf<T>(schema: z.ZodType<T>, json: unknown, source: string): T {
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new RunError(`config ${source}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
