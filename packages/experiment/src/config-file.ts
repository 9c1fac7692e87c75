import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Reads a run's config. @throws Error naming the file and each setting that is wrong */
export function readConfigFile<T>(schema: z.ZodType<T>, path: string): T {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`config ${path}: ${(error as Error).message}`);
  }
  return parseConfigOf(schema, json, path);
}

/** Checks a run's config. @throws Error naming `source` and each setting that is wrong */
export function parseConfigOf<T>(schema: z.ZodType<T>, json: unknown, source: string): T {
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new Error(`config ${source}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
