import { mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ExecutableCache } from '../executables.js';
import { xla } from '../testing/compare.js';
import { longestPause, pauseLimit, shortest } from '../testing/event-loop-pause.js';
import { DiskCache } from './disk-cache.js';

it('large executables are written and loaded without holding up the event loop', async () => {
  // A constant of 6 MiB that cannot be compressed is part of the executable.
  const count = 1.5 * 2 ** 20;
  const numbers = new Float32Array(count);
  let state = 1;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    numbers[i] = state / 2 ** 32;
  }
  const hex = Buffer.from(numbers.buffer).toString('hex');
  const type = `tensor<${count}xf32>`;
  const module = `module { func.func public @main(%x: ${type}) -> (${type}) { %0 = stablehlo.constant dense<"0x${hex}"> : ${type} %1 = stablehlo.add %x, %0 : ${type} return %1 : ${type} } }`;
  const folder = join(mkdtempSync(join(tmpdir(), 'executables-')), 'cache');
  const trial = (environment: string) => {
    const disk = new DiskCache({ folder, limit: 2 ** 30, environment });
    const cache = new ExecutableCache(xla().client, undefined, disk);
    return longestPause(() => cache.prepare('large', () => module)).then(({ pause }) => {
      const { statistics } = cache;
      cache.dispose();
      return { pause, statistics };
    });
  };
  let environments = 0;
  const writing = await shortest(async () => {
    const { pause, statistics } = await trial(`environment ${environments++}`);
    expect(statistics).toMatchObject({ compilations: 1, loads: 0 });
    return pause;
  });
  const [entry] = readdirSync(folder);
  expect(statSync(join(folder, entry)).size).toBeGreaterThan(5 * 2 ** 20);
  const loading = await shortest(async () => {
    const { pause, statistics } = await trial('environment 0');
    expect(statistics).toMatchObject({ compilations: 0, loads: 1 });
    return pause;
  });
  console.log(`longest pause: writing ${writing.toFixed(0)} ms, loading ${loading.toFixed(0)} ms`);
  expect(writing).toBeLessThan(pauseLimit);
  expect(loading).toBeLessThan(pauseLimit);
});
