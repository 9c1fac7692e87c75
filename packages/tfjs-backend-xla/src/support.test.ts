import { readFileSync } from 'node:fs';
import '@tensorflow/tfjs';
import { expect, it } from 'vitest';
// What was built: it is registered with tfjs already, and another copy would be registered a second time.
import { supportTable } from '../dist/support.js';

it('SUPPORT.md is what the code supports; `pnpm support` writes it anew', () => {
  const written = readFileSync(new URL('../SUPPORT.md', import.meta.url), 'utf8');
  expect(written).toBe(supportTable());
});
