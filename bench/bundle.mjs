// Packs the benchmark of the LRA step for a machine without this repository: one file of code, koffi's binaries and the
// peers, in .gpu/lra-step at the root. There, with any Node and the plugin's Python environment:
//
//     VIRTUAL_ENV=... node lra-step.mjs --peers jax,torch --peer-python ... --save-dir results
//
// The backends wasm and tensorflow stay behind.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '..', '.gpu', 'lra-step');
const git = (...args) => execFileSync('git', args, { cwd: here, encoding: 'utf8' }).trim();
const modified = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-modified';
const commit = git('rev-parse', 'HEAD') + modified;

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
await build({
  entryPoints: [join(here, 'dist', 'lra-step.js')],
  outfile: join(target, 'lra-step.mjs'),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // tfjs's main files are CommonJS, each with a copy of what it shares with the others.
  mainFields: ['module', 'main'],
  external: ['koffi', '@tensorflow/tfjs-backend-wasm', '@primal-attention/engines'],
  banner: {
    js: [
      "import { createRequire as createRequireOfBundle } from 'node:module';",
      'const require = createRequireOfBundle(import.meta.url);',
      `process.env.PRIMAL_COMMIT ||= '${commit}';`,
    ].join('\n'),
  },
  logLevel: 'warning',
});

const koffi = dirname(
  createRequire(createRequire(import.meta.url).resolve('@primal-attention/pjrt/package.json')).resolve(
    'koffi',
  ),
);
const copy = (from, to) => cpSync(from, join(target, to), { recursive: true, dereference: true });
for (const part of ['package.json', 'LICENSE.txt', 'index.js', 'src', 'lib']) {
  copy(join(koffi, part), join('node_modules/koffi', part));
}
copy(
  join(koffi, '..', '@koromix', `koffi-${process.platform}-${process.arch}`),
  `node_modules/@koromix/koffi-${process.platform}-${process.arch}`,
);
for (const file of ['lra_protocol.py', 'lra_step_torch.py', 'lra_step_jax.py', 'golden.py', 'check_lra.py']) {
  copy(join(here, 'peers', file), join('peers', file));
}
console.log(`packed ${commit} into ${target}`);
