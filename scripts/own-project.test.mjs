// The README's program in a project outside the checkout, which links the packages as the README says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import ts from 'typescript';
import { notebookCompiler } from './check-declarations.mjs';
import { ROOT } from './setup/workspace.mjs';

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const program = readme.match(/```ts\n([\s\S]*?)```/)[1];
const links = readme.match(/^npm install \.\.\/primal-attention\/packages\/.*$/m)[0];

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-project-'));
  writeFileSync(join(folder, 'package.json'), '{ "name": "own", "private": true, "type": "module" }');
  writeFileSync(join(folder, 'mine.ts'), program);
  const command = `${links.replaceAll('../primal-attention', ROOT)} --offline --no-audit --no-fund`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const compiler of [ts, notebookCompiler(join(ROOT, 'notebooks')).ts]) {
  test(`is sound to TypeScript ${compiler.version}`, () => {
    const types = createRequire(join(ROOT, 'package.json')).resolve('@types/node/package.json');
    const options = {
      module: compiler.ModuleKind.NodeNext,
      target: compiler.ScriptTarget.ES2022,
      ...{ strict: true, skipLibCheck: true, noEmit: true },
      typeRoots: [join(types, '..', '..')],
      types: ['node'],
    };
    const faults = compiler
      .getPreEmitDiagnostics(compiler.createProgram([join(folder, 'mine.ts')], options))
      .map(({ messageText }) => compiler.flattenDiagnosticMessageText(messageText, '\n'));
    assert.deepEqual(faults, []);
  });
}

test('runs, with one copy of TensorFlow.js', () => {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  writeFileSync(
    join(folder, 'mine.js'),
    ts.transpileModule(program, { compilerOptions: options }).outputText,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, ['mine.js'], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^engine: \w+\nstep 0: loss [\d.]+\nstep 100: loss [\d.]+\nstep 200: loss [\d.]+\n$/);
  assert.doesNotMatch(stderr, /already registered/);
});
