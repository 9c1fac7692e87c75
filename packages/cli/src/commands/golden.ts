import { readdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startEngine } from '@primal-attention/engines';
import { type GoldenChecks, runGolden } from '@primal-attention/golden';
import { withMatmulPrecision } from '@primal-attention/runtime';
import { type Command, given, UsageError } from '../command.js';

const expected = 'expected --dir DIR, a folder of golden files (*.safetensors)';

export const golden: Command = {
  usage: 'primal golden --dir DIR',
  summary: 'compares our code with every case of the golden files in a folder; 1 when a case fails',
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { dir: { type: 'string' } },
    });
    if (!values.dir || positionals.length > 0) {
      throw new UsageError(`golden: ${expected}; got ${given(args)}`);
    }
    const folder = await goldenFolder(values.dir);
    const [attention, models, training] = await Promise.all([
      import('@primal-attention/attention/golden'),
      import('@primal-attention/models/golden'),
      import('@primal-attention/training/golden'),
    ]);
    const checks = { ...attention.goldenChecks, ...models.goldenChecks, ...training.goldenChecks };
    console.log(`backend: ${await startEngine()}`);
    const failed = await runGolden(folder, inFloat32(checks), (line) => console.log(line));
    return failed === 0 ? 0 : 1;
  },
};

async function goldenFolder(dir: string): Promise<string> {
  // A package manager runs a script in the package's folder, and says where it was called.
  const folder = resolve(process.env.INIT_CWD ?? process.cwd(), dir);
  const isFolder = await stat(folder).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new UsageError(`golden: ${expected}; there is no folder ${folder}`);
  if (!(await readdir(folder)).some((name) => name.endsWith('.safetensors'))) {
    throw new UsageError(`golden: ${expected}; ${folder} has no such file`);
  }
  return folder;
}

/** The stored tolerances are those of float32 products, where a GPU's default is TF32. */
function inFloat32(checks: GoldenChecks): GoldenChecks {
  return Object.fromEntries(
    Object.entries(checks).map(([name, check]) => [
      name,
      (given) => withMatmulPrecision('float32', () => check(given)),
    ]),
  );
}
