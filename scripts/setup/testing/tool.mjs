// Stands for npx, python and turbo in the tests of the set-up: leaves the traces that it looks for, in no time, and
// notes each call in calls.log. FAKE_HANG=WHAT: that one stops half-way until a file `go` appears. FAKE_FAIL=WHAT: it fails, with the
// text in FAKE_OUTPUT.
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const {
  FAKE_ROOT: root,
  FAKE_FAIL,
  FAKE_OUTPUT,
  FAKE_HANG,

  FAKE_TURBO,
  FAKE_PYTHON,
} = process.env;
const [name, program, ...args] = process.argv.slice(2);

const put = (path, text = '') => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
};

async function work(what, begin, finish) {
  appendFileSync(join(root, 'calls.log'), `${what}\n`);
  begin();
  if (FAKE_FAIL === what) {
    console.error(FAKE_OUTPUT ?? '');
    process.exit(1);
  }
  if (FAKE_HANG === what) {
    put('hanging', String(process.pid));
    while (existsSync(root) && !existsSync(join(root, 'go'))) await sleep(10);
  }
  finish();
}

const site = '.venv/lib/python3.12/site-packages';

if (name === 'npx') {
  await work(
    'pnpm',
    () => put('node_modules/.pnpm/half@1.0.0/node_modules/half/package.json', '{}'),
    () => {
      put('node_modules/.pnpm/half@1.0.0/node_modules/half/index.js');
      put('node_modules/turbo/bin/turbo', `import ${JSON.stringify(FAKE_TURBO)};\n`);
      put('node_modules/turbo/package.json', '{ "type": "module" }');
      put('packages/one/node_modules/dependency/index.js');
    },
  );
} else if (name === 'python' && args[0] === '-c') {
  const [version, hasVenv] = (FAKE_PYTHON ?? '3.12.1 venv').split(' ');
  const numbers = version.split('.').map(Number);
  console.log(JSON.stringify({ version: numbers, path: program, hasVenv: hasVenv === 'venv' }));
} else if (name === 'python' && args.join(' ') === '-m venv .venv') {
  await work(
    'venv',
    () => put(`${site}/pip/half.py`),
    () => {
      put('.venv/pyvenv.cfg');
      mkdirSync(join(root, '.venv/bin'), { recursive: true });
      copyFileSync(program, join(root, '.venv/bin/python3.12'));
      chmodSync(join(root, '.venv/bin/python3.12'), 0o755);
      symlinkSync('python3.12', join(root, '.venv/bin/python'));
    },
  );
} else if (name === 'python' && args.includes('pip')) {
  const requirements = args[args.indexOf('-r') + 1];
  const flags = args.filter((arg) => arg.startsWith('--')).join(' ');
  await work(
    `pip ${requirements}`,
    () => put(`${site}/${requirements}/half.py`),
    () => put(`${site}/${requirements}/flags`, flags),
  );
} else {
  throw new Error(`unexpected call: ${name} ${args.join(' ')}`);
}
