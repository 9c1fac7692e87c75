import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { main as prepare } from '../setup/main.mjs';
import { ROOT, TOOLS, venvProgram } from '../setup/workspace.mjs';
import { show } from '../show.mjs';

const node = (...args) => ({ program: process.execPath, args });
const python = (...args) => ({ program: venvProgram('python'), args });

/** The files of a folder with that ending, of which there must be some: a part that finds nothing to do has failed. */
function filesIn(folder, ending) {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(ending));
  if (names.length === 0) throw new Error(`${folder}/ has no *${ending} file to run`);
  return names.sort().map((name) => `${folder}/${name}`);
}

const onBothEngines = ['runtime', 'golden', 'attention', 'models', 'training', 'metrics', 'engines', 'bench'];

/** The parts after the set-up. A command is made when its turn comes, since it may name files that an earlier part made. */
const PARTS = [
  { name: 'lint', command: () => node(TOOLS.biome, 'check', '--error-on-warnings', '.') },
  {
    name: 'packages',
    command: () =>
      node(
        TOOLS.turbo,
        'run',
        'typecheck',
        'test',
        '--ui=stream',
        '--concurrency=100%',
        '--continue=dependencies-successful',
        '--output-logs=new-only',
      ),
  },
  { name: 'tensorflow engine', command: () => node('scripts/primal.mjs', 'engine', 'tensorflow') },
  {
    // The packages above the backend, on the second engine, and what both have in common.
    name: 'tensorflow',
    env: { PRIMAL_BACKEND: 'tensorflow' },
    command: () =>
      node(
        ...[TOOLS.turbo, 'run', 'test', '--ui=stream', '--concurrency=100%', '--output-logs=new-only'],
        ...onBothEngines.map((name) => `--filter=@primal-attention/${name}`),
      ),
  },
  {
    name: 'conformance',
    command: () =>
      node(
        TOOLS.turbo,
        'run',
        'conformance',
        '--filter=@primal-attention/tfjs-backend-xla',
        '--ui=stream',
        '--output-logs=new-only',
      ),
  },
  { name: 'docs', command: () => node('scripts/docs.mjs') },
  { name: 'declarations', command: () => node('scripts/check-declarations.mjs') },
  {
    name: 'scripts',
    command: () => node('--test', '--test-reporter=spec', ...filesIn('scripts', '.test.mjs')),
  },
  { name: 'readmes', command: () => node('scripts/check-readmes.mjs') },
  { name: 'kernel', command: () => python('notebooks/test_kernel.py') },
  { name: 'notebooks', command: () => python('notebooks/run.py', '--quick') },
  {
    name: 'browser',
    command: () => node('--test', '--test-reporter=spec', 'scripts/browser/jupyterlab.test.mjs'),
  },
];

const NAMES = PARTS.map(({ name }) => name);
const USAGE = `npm test [-- --only NAME], where NAME is one of ${NAMES.join(', ')}`;

/** The parts that the arguments ask for; undefined when they are wrong. */
function chosen(args) {
  if (args.length === 0) return PARTS;
  const [option, name] = args;
  if (args.length !== 2 || option !== '--only' || !NAMES.includes(name)) return undefined;
  return PARTS.filter((part) => part.name === name);
}

/** How the programs of the parts begin to say what failed: vitest, node:test, turbo, biome, and errors of all. */
const COMPLAINT = /^[^✓✔]*(\bFAIL\b|[✖×✗]|Error:|\bERROR\b|━━━)/;
/** The first complaints of a part tell the reason; later ones follow from them. */
const COMPLAINTS_KEPT = 60;

/** Runs `part` and returns `{ name, passed, seconds, complaints }`. */
async function timed(name, run) {
  console.log(`\n=== ${name}`);
  const begin = performance.now();
  const complaints = [];
  const onLine = (line) => {
    if (complaints.length < COMPLAINTS_KEPT && COMPLAINT.test(line)) complaints.push(line);
  };
  let passed = false;
  try {
    passed = (await run(onLine)) === 0;
  } catch (error) {
    console.error(error);
  }
  return { name, passed, seconds: (performance.now() - begin) / 1000, complaints };
}

/** Set-up and the parts; a failed part does not keep the next from running. Returns the exit code. */
export async function main(args) {
  const parts = chosen(args);
  if (parts === undefined) {
    console.error(`Not understood: ${args.join(' ')}\n${USAGE}`);
    return 2;
  }
  const results = [await timed('set-up', prepare)];
  if (results[0].passed) {
    for (const { name, command, env } of parts) {
      results.push(await timed(name, (onLine) => show({ ...command(), env }, onLine)));
    }
  }

  // Again at the end, since a log of an hour is shown from its end, or cut.
  for (const { name, passed, complaints } of results) {
    if (!passed && complaints.length > 0) console.log(`\n=== ${name} said\n${complaints.join('\n')}`);
  }

  console.log('\n=== summary');
  for (const { name, passed, seconds } of results) {
    console.log(`  ${passed ? 'passed' : 'FAILED'}  ${name.padEnd(14)}${seconds.toFixed(1).padStart(7)} s`);
  }
  for (const { name } of parts.slice(results.length - 1)) console.log(`  not run ${name}`);
  const failed = results.filter(({ passed }) => !passed).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
