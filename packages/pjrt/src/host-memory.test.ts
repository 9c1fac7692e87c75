import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reuseHostMemory } from './index.js';

/** Numbers of the array that is uploaded, 50 MB. */
const count = 12_500_000;

/** Memory that comes anew costs a fault for each of its pages. */
const pages = (4 * count) / 4096;
const few = 0.05 * pages;
/** Of ten uploads. */
const rounds = 12;

interface Outcome {
  /** Page faults of an upload, once the heaps have settled, or in the last round. */
  faults: number;
  /** Growth of the resident size over the measured uploads, in bytes. */
  growth: number;
  /** The sine of the array's first numbers. */
  values: number[];
}

/**
 * Uploads and frees an array again and again in a process of its own, on the main thread: memory that a plugin takes on its own
 * threads comes from other heaps, whose blocks are not always reused.
 */
function runWith(setting: string): Outcome {
  const code = `
    import { Client, findPlugin, reuseHostMemory } from '@primal-attention/pjrt';
    reuseHostMemory();
    const client = new Client(findPlugin().path);
    const type = 'tensor<100xf32>';
    const program = client.compile(\`module { func.func public @main(%x: \${type}) -> (\${type}) { %0 = stablehlo.sine %x : \${type} return %0 : \${type} } }\`);
    const data = Float32Array.from({ length: ${count} }, (_, i) => i % 7);
    const upload = () => {
      return client.toDevice(data, 'f32', [${count}]);
    };
    // The plugin may copy on any of its threads, each with a heap of its own, and may still hold a block that was freed here:
    // it takes some uploads until all its heaps have a block to use again.
    let faults;
    let growth;
    for (let round = 0; round < ${rounds}; round++) {
      const before = process.resourceUsage().minorPageFault;
      const resident = process.memoryUsage().rss;
      for (let i = 0; i < 10; i++) upload().dispose();
      faults = (process.resourceUsage().minorPageFault - before) / 10;
      growth = process.memoryUsage().rss - resident;
      if (round > 1 && faults < ${few} && growth < ${4 * count}) break;
    }
    program.argumentList(1)[0] = client.toDevice(data.slice(0, 100), 'f32', [100]).handle;
    const values = new Float32Array(100);
    client.wrap(program.execute()[0], 'f32', [100]).toHost(values);
    console.log(JSON.stringify({ faults, growth, values: [...values] }));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, PRIMAL_MALLOC: setting },
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('memory of the host', () => {
  it('refuses a setting that it does not know', () => {
    expect(() => reuseHostMemory({ PRIMAL_MALLOC: 'fast' })).toThrow(
      /PRIMAL_MALLOC must be 'reuse' or 'system', got 'fast'/,
    );
  });

  const glibc = process.platform === 'linux' && existsSync('/proc/self/smaps');
  it.runIf(glibc)('that was freed is used again, and values are the same', () => {
    const [reuse, system] = [runWith('reuse'), runWith('system')];
    expect(reuse.values).toEqual(system.values);
    expect(reuse.values.every(Number.isFinite)).toBe(true);
    console.log(
      `page faults an upload: ${reuse.faults} reusing memory, ${system.faults} with the system's malloc`,
    );
    expect(reuse.faults).toBeLessThan(few);
    expect(reuse.growth).toBeLessThan(4 * count);
    // Where every process gets huge pages, a fault is for 2 MiB.
    const huge = '/sys/kernel/mm/transparent_hugepage/enabled';
    const always = existsSync(huge) && readFileSync(huge, 'utf8').includes('[always]');
    if (!always) expect(system.faults).toBeGreaterThan(0.5 * pages);
  });
});
