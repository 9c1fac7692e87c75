import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { causeOf } from './setup/failure.mjs';
import { ALL, check, fail, runChecks, succeed } from './setup/testing/checks.mjs';
import { venvProgram } from './setup/workspace.mjs';

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

runChecks('failures of the tools');
