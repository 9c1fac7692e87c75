import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { causeOf } from './setup/failure.mjs';
import { checkNode } from './setup/node-version.mjs';
import { Project } from './setup/testing/project.mjs';
import { venvProgram } from './setup/workspace.mjs';

const checks = [];

/** A test with a small checkout of its own; those run beside one another. */
function check(name, body) {
  checks.push([name, body]);
}

const ALL = ['pnpm', 'venv', 'pip requirements.txt', 'pip requirements-pjrt.txt'];

/** Runs the set-up, which must succeed; returns its output. */
async function succeed(project, env) {
  const { code, output } = await project.run(env);
  assert.equal(code, 0, output);
  return output;
}

/** Runs the set-up, which must fail with all of `patterns` in its output and no stack. */
async function fail(project, env, ...patterns) {
  const { code, output } = await project.run(env);
  assert.equal(code, 1, output);
  for (const pattern of patterns) assert.match(output, pattern);
  assert.doesNotMatch(output, /^\s+at .*\.mjs:\d+/m);
  return output;
}

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

// ---- failures of the tools

check('a failed step shows its cause and the end of its log, and later steps do not run', async (project) => {
  await fail(
    project,
    { FAKE_FAIL: 'venv', FAKE_OUTPUT: 'something odd happened' },
    /Making \.venv failed \(exit code 1\)/,
    /python-environment\.log/,
    /\| something odd happened/,
  );
  assert.deepEqual(project.calls(), ALL.slice(0, 2));
  await succeed(project);
  assert.deepEqual(project.calls(), ALL.slice(1));
});

check('a full disk', async (project) => {
  await fail(
    project,
    { FAKE_FAIL: 'pnpm', FAKE_OUTPUT: 'ENOSPC: no space left on device, write' },
    /The disk is full/,
  );
  await fail(
    project,
    {
      FAKE_FAIL: 'pip requirements.txt',
      FAKE_OUTPUT: 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device',
    },
    /The disk is full/,
  );
});

check('a network failure leaves what was installed before', async (project) => {
  await succeed(project);
  project.calls();
  project.write('requirements-pjrt.txt', '# changed');
  const env = {
    FAKE_FAIL: 'pip requirements-pjrt.txt',
    FAKE_OUTPUT: 'NewConnectionError: [Errno 111] Connection refused',
  };
  await fail(project, env, /The network did not answer/);
  assert.deepEqual(project.calls(), ['pip requirements-pjrt.txt']);
  await succeed(project);
  assert.deepEqual(project.calls(), ['pip requirements-pjrt.txt']);
});

// Real tools from here on: a port of this machine that nobody listens on stands for the registries.
const NOBODY = 'http://127.0.0.1:9';

check('the real npx without a network', async (project) => {
  project.remove('bin/npx');
  const output = await fail(
    project,
    {
      PATH: [project.path('bin'), dirname(process.execPath), process.env.PATH].join(':'),
      npm_config_registry: NOBODY,
      npm_config_cache: project.path('npm-cache'),
      npm_config_userconfig: project.path('no-npmrc'),
      npm_config_fetch_retries: '0',
      npm_config_loglevel: 'silent',
    },
    /Installing the Node packages failed/,
    /The network did not answer/,
  );
  assert.match(output, /ECONNREFUSED/);
});

check('the real pip without a network', async (project) => {
  await succeed(project);
  project.write('requirements.txt', `no-such-package==1.0 --hash=sha256:${'0'.repeat(64)}\n`);
  // The environment is there; its interpreter becomes this checkout's own.
  project.write('.venv/bin/python3.12', `#!/bin/sh\nexec '${venvProgram('python')}' "$@"\n`);
  await fail(
    project,
    { PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: `${NOBODY}/simple`, PIP_RETRIES: '1' },
    /Installing requirements\.txt failed/,
    /The network did not answer/,
  );
});

test('what the tools print is understood', () => {
  const outputs = {
    network: [
      'npm error code ENOTFOUND\nnpm error network request to https://registry.example/pnpm failed',
      ' ERR_PNPM_META_FETCH_FAIL  GET https://registry.example/x: request failed, reason: connect ETIMEDOUT 10.0.0.1:443',
      'WARN  GET https://registry.example/x error (EAI_AGAIN). Will retry in 10 seconds.',
      "WARNING: Retrying ... Failed to establish a new connection: [Errno -3] Temporary failure in name resolution'\n" +
        'ERROR: Could not find a version that satisfies the requirement anyio (from versions: none)',
    ],
    disk: [
      "OSError: [Errno 28] No space left on device: '/x'",
      'npm error ENOSPC: no space left on device, write',
    ],
    integrity: [
      'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.',
      ' ERR_PNPM_TARBALL_INTEGRITY  Got unexpected checksum',
    ],
    lockfile: [' ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with "frozen-lockfile"'],
    certificate: [
      'SSLError(SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"',
    ],
    wheel: ['ERROR: No matching distribution found for rpds-py==0.30.0'],
    venv: ['The virtual environment was not created successfully because ensurepip is not\navailable.'],
    permission: ["EACCES: permission denied, mkdir '/x/node_modules'"],
  };
  for (const [kind, texts] of Object.entries(outputs))
    for (const text of texts) assert.equal(causeOf(text)?.kind, kind, text);
  assert.equal(causeOf('error TS2322: Type A is not assignable to type B.'), undefined);
});

describe('set-up', { concurrency: availableParallelism() }, () => {
  for (const [name, body] of checks) {
    test(name, async () => {
      const project = new Project();
      try {
        await body(project);
      } finally {
        project.dispose();
      }
    });
  }
});
