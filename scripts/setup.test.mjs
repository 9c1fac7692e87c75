import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { checkNode } from './setup/node-version.mjs';
import { ALL, check, fail, runChecks, succeed } from './setup/testing/checks.mjs';

// ---- what must be there

check('an old Node.js is refused before anything is touched', async (project) => {
  const output = await fail(project, { FAKE_NODE: '18.20.4' }, /Node\.js 18\.20\.4/, /20\.19\.0 or newer/);
  assert.equal(output.trimEnd().split('\n').length, 2);
  assert.equal(project.has('.setup'), false);
});

test('Node.js 20.19 is the oldest', () => {
  for (const version of ['20.19.0', '20.20.2', '22.0.0', '24.1.0']) checkNode(version);
  for (const version of ['16.20.2', '18.20.4', '20.0.0', '20.18.3'])
    assert.throws(() => checkNode(version), /is needed/);
});

check('no Python', async (project) => {
  project.remove('bin/python3');
  await fail(project, {}, /No Python was found/, /Python 3\.10 or newer/, /apt install/);
  assert.deepEqual(project.calls(), []);
});

check('a Python that is too old', async (project) => {
  await fail(project, { FAKE_PYTHON: '3.9.18 venv' }, /only Python found is 3\.9\.18/, /3\.10 or newer/);
  await fail(project, { FAKE_PYTHON: '2.7.18 none' }, /2\.7\.18/);
});

check('a Python without venv', async (project) => {
  await fail(
    project,
    { FAKE_PYTHON: '3.11.2 none' },
    /Python 3\.11\.2 .* lacks the venv or ensurepip module/,
    /python3\.11-venv/,
  );
});

check('PRIMAL_PYTHON is the one that is used, or named when it is unfit', async (project) => {
  project.remove('bin/python3');
  project.standIn('my-python', 'python');
  await succeed(project, { PRIMAL_PYTHON: project.path('bin/my-python') });
  await fail(project, { PRIMAL_PYTHON: '/no/such/python' }, /PRIMAL_PYTHON is \/no\/such\/python/);
  await fail(
    project,
    { PRIMAL_PYTHON: 'my-python', FAKE_PYTHON: '3.8.0 venv' },
    /PRIMAL_PYTHON \(my-python\) is 3\.8\.0/,
  );
});

// ---- doing it once, and only what changed

check(
  'the first run does every step, with pinned and checked wheels; the second does none',
  async (project) => {
    await succeed(project);
    assert.deepEqual(project.calls(), ALL);
    const flags = (file) => project.read(`.venv/lib/python3.12/site-packages/${file}/flags`);
    assert.equal(flags('requirements.txt'), '--require-hashes --only-binary=:all:');
    assert.equal(flags('requirements-pjrt.txt'), '--require-hashes --only-binary=:all: --no-deps');

    const output = await succeed(project);
    assert.deepEqual(project.calls(), []);
    assert.equal(output.match(/up to date/g).length, 5);
  },
);

check('a change makes only its own step run', async (project) => {
  await succeed(project);
  project.calls();
  project.write('requirements.txt', '# changed');
  await succeed(project);
  assert.deepEqual(project.calls(), ['pip requirements.txt']);
  project.write('pnpm-lock.yaml', 'lockfileVersion: 9 # changed');
  await succeed(project);
  assert.deepEqual(project.calls(), ['pnpm']);
  project.write('packages/two/package.json', '{}');
  await succeed(project);
  assert.deepEqual(project.calls(), ['pnpm']);
  await succeed(project, { FAKE_PYTHON: '3.12.2 venv' });
  assert.deepEqual(project.calls(), ALL.slice(1));
});

check('where the XLA plugin has no wheel, the rest is installed and the loss is named', async (project) => {
  const output = await succeed(project, { FAKE_ARCH: 'arm64' });
  assert.deepEqual(project.calls(), ALL.slice(0, 3));
  assert.match(output, /XLA plugin for the CPU: not for \w+ on arm64/);
  assert.match(output, /Lost: compilation by XLA/);
});

// ---- damage and interruption

const DAMAGE = {
  'the libraries of .venv are gone': ['.venv/lib', ALL.slice(1)],
  'a file of a Python package is gone': [
    '.venv/lib/python3.12/site-packages/requirements.txt/flags',
    ALL.slice(1),
  ],
  'the interpreter that .venv links to is gone': ['.venv/bin/python3.12', ALL.slice(1)],
  'all of .venv is gone': ['.venv', ALL.slice(1)],
  'a part of a Node package is gone': ['node_modules/.pnpm/half@1.0.0/node_modules/half/index.js', ['pnpm']],
  'all of node_modules is gone': ['node_modules', ['pnpm']],
  "one package's node_modules is gone": ['packages/one/node_modules', ['pnpm']],
};
for (const [what, [path, calls]] of Object.entries(DAMAGE)) {
  check(`${what}: repaired from the ground`, async (project) => {
    await succeed(project);
    project.calls();
    project.remove(path);
    assert.match(await succeed(project), /is missing or incomplete, starting afresh/);
    assert.deepEqual(project.calls(), calls);
    assert.ok(project.has(path));
    await succeed(project);
    assert.deepEqual(project.calls(), []);
  });
}

check('files that were added since are no damage', async (project) => {
  await succeed(project);
  project.calls();
  project.write('.venv/lib/python3.12/site-packages/mine/a.py', '');
  project.write('node_modules/.vite/cache', '');
  await succeed(project);
  assert.deepEqual(project.calls(), []);
});

const INTERRUPTED = {
  pnpm: ALL,
  venv: ALL.slice(1),
  'pip requirements.txt': ALL.slice(1),
  'pip requirements-pjrt.txt': ALL.slice(1),
};
for (const [what, calls] of Object.entries(INTERRUPTED)) {
  check(
    `killed in the middle of ${what}: the next run waits for what is left of it, then starts that afresh`,
    async (project) => {
      const { child, done, tool } = await project.startUntil(what);
      child.kill('SIGKILL');
      await done;
      project.calls();
      const next = project.start();
      await next.until('waiting for it');
      assert.deepEqual(project.calls(), [], 'the killed one left a child at work');
      process.kill(tool, 'SIGKILL');
      const { code, output } = await next.done;
      assert.equal(code, 0, output);
      assert.match(output, /what an interrupted set-up started is at work here \(process \d+\); waiting/);
      assert.match(output, /an earlier set-up broke off here, starting afresh/);
      assert.deepEqual(project.calls(), calls);
      assert.ok(project.has('node_modules/.pnpm/half@1.0.0/node_modules/half/index.js'));
      await succeed(project);
      assert.deepEqual(project.calls(), []);
    },
  );
}

check('Ctrl-C ends the tool too, and the lock is free', async (project) => {
  const { child, done, tool } = await project.startUntil('pip requirements.txt');
  child.kill('SIGINT');
  const { code, output } = await done;
  assert.equal(code, 130);
  assert.match(output, /was interrupted; the next set-up repairs/);
  assert.throws(() => process.kill(tool, 0), { code: 'ESRCH' });
  assert.equal(project.has('.setup/lock'), false);
  project.calls();
  assert.match(await succeed(project), /starting afresh/);
  assert.deepEqual(project.calls(), ALL.slice(1));
});

check('a record that was cut off counts as interrupted work', async (project) => {
  await succeed(project);
  project.calls();
  project.write('.setup/python-packages.json', '{"keys":{');
  await succeed(project);
  assert.deepEqual(project.calls(), ALL.slice(1));
});

// ---- two at once

check('two set-ups at once: one works, the other waits and finds it done', async (project) => {
  const first = await project.startUntil('pnpm');
  const second = project.start();
  await second.until('another set-up is at work here');
  project.write('go', '');
  for (const { done } of [first, second]) {
    const { code, output } = await done;
    assert.equal(code, 0, output);
  }
  assert.deepEqual(project.calls(), ALL);
});

check('a lock whose holder died is taken over', async (project) => {
  const { child, done } = project.start();
  child.kill('SIGKILL');
  await done;
  project.write('.setup/lock', JSON.stringify({ pid: child.pid, host: hostname() }));
  assert.doesNotMatch(await succeed(project), /waiting/);
  assert.equal(project.has('.setup/lock'), false);
});

check('one that waits goes on when the lock is deleted', async (project) => {
  project.write('.setup/lock', JSON.stringify({ pid: process.pid, host: hostname() }));
  const { done, until } = project.start();
  await until('waiting for it');
  assert.equal(project.has('node_modules'), false);
  unlinkSync(project.path('.setup/lock'));
  const { code, output } = await done;
  assert.equal(code, 0, output);
  assert.match(
    output,
    /another set-up is at work here \(process \d+\); waiting for it\. If that is wrong, delete/,
  );
});

runChecks('set-up');
