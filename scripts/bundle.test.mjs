// The bundle for GPU nodes, whole: packed from two small runs, one of them taken with another seed, started on the CPU from another folder and without the repository's
// packages, stopped, gone on with elsewhere, and taken in again.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { importState } from '../packages/cli/dist/bundle/import.js';
import { pack } from '../packages/cli/dist/bundle/pack.js';
import { findPlugins } from '../packages/pjrt/dist/index.js';
import { ROOT } from './setup/workspace.mjs';

const [plugin] = findPlugins(process.env, [ROOT]).filter(({ platform }) => platform !== 'cuda');
const skip = plugin === undefined && 'there is no XLA plugin for the CPU here';

const folder = mkdtempSync(join(tmpdir(), 'primal-bundle-test-'));
after(() => rmSync(folder, { recursive: true }));

/** A run, and a variant of another: as the list has it, by the name of its folder, and by what its program is given. */
const listed = ['uea/quick-primal', 'uea/quick-trans@7'];
const runs = ['uea/quick-primal', 'uea/quick-trans.seed7'];
const programArguments = [['uea/quick-primal'], ['uea/quick-trans', '--seed', '7']];
const uea = join(folder, 'root', 'experiments', 'uea');
const env = { ...process.env, PJRT_PLUGIN_PATH: plugin?.path, PRIMAL_CACHE: join(folder, 'executables') };
for (const name of ['NODE_PATH', 'PRIMAL_DATA', 'PRIMAL_BACKEND']) delete env[name];

/** Small runs beside the experiment's own program. */
function makeRuns() {
  mkdirSync(uea, { recursive: true });
  symlinkSync(join(ROOT, 'experiments', 'uea', 'dist'), join(uea, 'dist'));
  for (const model of ['primal', 'trans']) {
    const path = join(ROOT, 'experiments', 'uea', `japanese-vowels-${model}`, 'config.json');
    const config = { ...JSON.parse(readFileSync(path, 'utf8')), epochs: 3 };
    mkdirSync(join(uea, `quick-${model}`));
    writeFileSync(join(uea, `quick-${model}`, 'config.json'), JSON.stringify(config));
  }
}

/** Runs a program to its end; once `when` holds, sends it a signal. */
function run(program, args, when = () => false) {
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const timer = setInterval(() => {
    if (!when()) return;
    clearInterval(timer);
    child.kill('SIGTERM');
  }, 50);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearInterval(timer);
      resolve({ code, output });
    });
  });
}

test('two runs, stopped on one machine and finished on another, end like unbroken ones', {
  skip,
}, async () => {
  makeRuns();
  const bundle = join(folder, 'bundle');
  // Packing Node.js as small as it can be takes minutes.
  const limits = { code: 1e9, node: 1e9, data: 1e9 };
  await pack({ root: join(folder, 'root'), out: bundle, data: [], level: 0, limits, say: () => {} });
  const start = (machine, ...more) => [
    ...[
      join(bundle, 'start.sh'),
      '--runs',
      listed.join(','),
      '--gpus',
      '0',
      '--per-gpu',
      '2',
      '--state-limit',
      '400',
    ],
    ...['--work', join(folder, machine), '--out', join(folder, `${machine}-out`), ...more],
  ];
  const trained = (name) => {
    const log = join(folder, 'first', 'runs', name, 'metrics.jsonl');
    return existsSync(log) && readFileSync(log, 'utf8').includes('"train"');
  };
  const first = await run('sh', start('first'), () => runs.every(trained));
  assert.equal(first.code, 0, first.output);
  assert.match(first.output, /0 of 2 finished, 2 to go on with/);
  const pieces = readdirSync(join(folder, 'first-out'));
  assert.ok(
    pieces.some((name) => /^state\.tar\.[0-9a-f]{12}\.2of\d+$/.test(name)),
    `${pieces}`,
  );
  for (const name of pieces) assert.ok(statSync(join(folder, 'first-out', name)).size <= 16e6);

  const second = await run('sh', start('second', '--state', join(folder, 'first-out')));
  assert.equal(second.code, 0, second.output);
  assert.match(second.output, /2 of 2 finished/);
  assert.deepEqual(readdirSync(join(folder, 'second-out')).sort(), ['results.tar', 'state.tar']);

  for (const [i, id] of runs.entries()) {
    const whole = join(folder, 'whole', id);
    const [config, ...variant] = programArguments[i];
    const program = join(ROOT, 'experiments', 'uea', 'dist', 'run-main.js');
    const unbroken = await run(process.execPath, [
      program,
      join(folder, 'root', 'experiments', config),
      ...['--out', whole, ...variant],
    ]);
    assert.equal(unbroken.code, 0, unbroken.output);
    for (const name of ['metrics.jsonl', 'result.json']) {
      const [ours, expected] = [join(folder, 'second', 'runs', id), whole].map((at) =>
        readFileSync(join(at, name), 'utf8'),
      );
      assert.equal(ours, expected, `${id}: ${name}`);
    }
  }

  const said = [];
  const take = () =>
    importState(join(folder, 'second-out', 'state.tar'), join(folder, 'root'), (line) => said.push(line));
  take();
  take();
  assert.deepEqual(said, [
    ...runs.map((id) => `${id}: imported`),
    ...runs.map((id) => `${id}: left out, a finished run is here already`),
  ]);
  const { provenance } = JSON.parse(readFileSync(join(uea, 'quick-primal', 'run', 'summary.json'), 'utf8'));
  assert.match(provenance.commit, /^[0-9a-f]{40}$/);
  const variant = JSON.parse(
    readFileSync(join(uea, 'quick-trans', 'variants', 'seed7', 'summary.json'), 'utf8'),
  );
  assert.deepEqual([variant.id, variant.config.seed], ['quick-trans.seed7', 7]);
});

test('a variant with kernels reaches the program of its run, which says that it has none', {
  skip,
}, async () => {
  const [work, out] = ['kernels', 'kernels-out'].map((name) => join(folder, name));
  const { code, output } = await run('sh', [
    ...[join(folder, 'bundle', 'start.sh'), '--runs', 'uea/quick-primal@7@kernels', '--gpus', '0'],
    ...['--work', work, '--out', out],
  ]);
  assert.equal(code, 1, output);
  assert.match(output, /uea\/quick-primal\.seed7\.kernels\.products: FAILED/);
  assert.match(output, /this classifier has no GPU kernels of our own: leave --kernels out/);
});

test('a damaged archive is refused, and nothing of it is left', { skip }, async () => {
  const bundle = join(folder, 'bundle');
  const path = join(bundle, 'code.tar.xz');
  const bytes = readFileSync(path);
  bytes[1000] ^= 1;
  writeFileSync(path, bytes);
  const { code, output } = await run('sh', [join(bundle, 'start.sh'), '--work', join(folder, 'third')]);
  assert.equal(code, 1);
  assert.match(
    output,
    /code\.tar\.xz is damaged: its SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}; copy it again/,
  );
  assert.ok(!existsSync(join(folder, 'third')));
});
