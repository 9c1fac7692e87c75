import { createHash } from 'node:crypto';

/**
 * SHA-256 of a configuration: of its JSON text with the keys of all objects in order, so that the order in which a
 * config was written does not matter. Keys without a value are left out.
 *
 * @throws Error for what JSON cannot hold (functions, NaN, class instances), naming the path
 */
export function configHash(config: unknown): string {
  return createHash('sha256').update(canonicalJson(config, 'config')).digest('hex');
}

function canonicalJson(value: unknown, path: string): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((item, i) => canonicalJson(item, `${path}[${i}]`)).join(',')}]`;
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item, `${path}.${key}`)}`).join(',')}}`;
  }
  throw new Error(
    `configHash: ${path} must be null, a boolean, a finite number, a string, an array or a plain object, got ${String(value)}`,
  );
}
