import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cached } from './cache/index.js';
import { bundledFormats, dataFormats, type Format } from './testing/fuzz-formats.js';
import { mutate } from './testing/mutate.js';

/**
 * Damaged copies of real files, some hundreds of each format: a reader either gives data that is whole in itself, or fails with an
 * Error that names the file, and then nothing is kept. TypeError and RangeError are what a reader does by accident.
 */

const seed = 20231;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-fuzz-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function attack({
  file,
  named,
  kind,
  mutations,
  content,
  beside,
  read,
  checksummed,
}: Format): Promise<void> {
  const original = await content();
  const path = join(folder, file);
  for (const [name, bytes] of Object.entries({ ...(await beside?.()), [file]: original })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  const whole = await read(path, folder);
  let refused = 0;
  for (let number = 0; number < mutations; number++) {
    const { how, bytes } = mutate(original, kind, seed, number);
    await writeFile(path, bytes);
    const where = `${how}, mutation ${number}`;
    const recipe = { name: 'fuzz', version: 1, options: { file, number }, sources: [] };
    try {
      const { facts } = await cached(
        recipe,
        async () => ({ splits: {}, facts: { content: (await read(path, folder)) ?? null } }),
        { folder: join(folder, 'processed') },
      );
      if (checksummed) expect(facts.content === whole, where).toBe(true);
      await rm(join(folder, 'processed'), { recursive: true });
    } catch (error) {
      refused++;
      expect((error as Error).constructor.name, `${where}: ${(error as Error).stack}`).toBe('Error');
      expect((error as Error).message, where).toContain(named ?? path);
      expect(existsSync(join(folder, 'processed')), where).toBe(false);
    }
  }
  // The mutations are worth something: most of them are noticed.
  expect(refused).toBeGreaterThan(mutations / 4);
}

describe('damaged files', () => {
  it.each(Object.entries(bundledFormats))('%s', (_, format) => attack(format));
});

describe.runIf(process.env.PRIMAL_DATA)(
  'damaged files of the folder PRIMAL_DATA (only where it is set)',
  () => {
    it.each(Object.entries(dataFormats))('%s', (_, format) => attack(format));
  },
);
