// Packs the benchmarks of the LRA step and of the attention mechanisms, the experiment on efficiency, and the check of tile
// kernels, for a machine without this repository: a file of code each, koffi's binaries and the peers, in .gpu/lra-step,
// .gpu/attention, .gpu/lra-efficiency and .gpu/tile-check at the root. There, with any Node and the plugin's Python environment:
//
//     VIRTUAL_ENV=... node lra-step.mjs --kernels on,off --peers jax,torch --peer-python ... --save-dir results
//     VIRTUAL_ENV=... node lra-step.mjs --kernels on,off --profile --peer-python ... --save-dir results
//     VIRTUAL_ENV=... node attention.mjs --peers jax --peer-python ... --save-dir results
//     VIRTUAL_ENV=... node lra-efficiency.mjs --scaling --seconds 540
//     VIRTUAL_ENV=... node tile-check.mjs --output tile-check.json
//
// The backends wasm and tensorflow stay behind.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const lraPeers = ['lra_protocol.py', 'lra_step_torch.py', 'lra_step_jax.py', 'golden.py', 'check_lra.py'];
/** The programs, built, with what of peers/ each needs. */
const programs = {
  'lra-step': { entry: 'dist/lra-step.js', peers: [...lraPeers, 'profile_step.py'] },
  attention: {
    entry: 'dist/attention.js',
    peers: ['attention_jax.py', 'attention', 'golden.py', 'check_attention.py'],
  },
  'lra-efficiency': { entry: '../experiments/lra-efficiency/dist/efficiency.js', peers: lraPeers },
  'tile-check': { entry: 'dist/tile-check.js', peers: [] },
};
const git = (...args) => execFileSync('git', args, { cwd: here, encoding: 'utf8' }).trim();
const modified = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-modified';
const commit = git('rev-parse', 'HEAD') + modified;

const koffi = dirname(
  createRequire(createRequire(import.meta.url).resolve('@primal-attention/pjrt/package.json')).resolve(
    'koffi',
  ),
);

for (const [name, { entry, peers }] of Object.entries(programs)) {
  const built = join(here, entry);
  if (!existsSync(built)) throw new Error(`${built} is not there; build first: npx turbo run build`);
  const target = join(here, '..', '.gpu', name);
  if (existsSync(join(target, 'results'))) {
    throw new Error(`${target} holds results; move them away first, since the folder is made anew`);
  }
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await build({
    entryPoints: [built],
    outfile: join(target, `${name}.mjs`),
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
  const copy = (from, to) =>
    cpSync(from, join(target, to), {
      recursive: true,
      dereference: true,
      filter: (path) => basename(path) !== '__pycache__',
    });
  for (const part of ['package.json', 'LICENSE.txt', 'index.js', 'src', 'lib']) {
    copy(join(koffi, part), join('node_modules/koffi', part));
  }
  copy(
    join(koffi, '..', '@koromix', `koffi-${process.platform}-${process.arch}`),
    `node_modules/@koromix/koffi-${process.platform}-${process.arch}`,
  );
  for (const file of peers) copy(join(here, 'peers', file), join('peers', file));
  console.log(`packed ${commit} into ${target}`);
}
