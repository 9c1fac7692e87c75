// Runs the TypeScript examples of the root's and the packages' READMEs: each is a program that must end without an error.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './setup/workspace.mjs';

/** Where the examples run: this folder's package depends on all others, as a reader's own would. */
const folder = join(ROOT, 'notebooks');

const readmes = [
  'README.md',
  ...readdirSync(join(ROOT, 'packages')).map((name) => join('packages', name, 'README.md')),
];

/** What they write goes here. */
const workplace = mkdtempSync(join(tmpdir(), 'readme-'));

let passed = 0;
const failures = [];
for (const readme of readmes) {
  const path = join(ROOT, readme);
  if (!existsSync(path)) {
    failures.push(`${readme} is missing`);
    continue;
  }
  const examples = [...readFileSync(path, 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)];
  if (examples.length === 0) failures.push(`${readme} has no example (a block marked ts)`);
  for (const [i, [, example]] of examples.entries()) {
    const program = join(folder, `.readme-example-${process.pid}.mjs`);
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    writeFileSync(program, ts.transpileModule(example, { compilerOptions: options }).outputText);
    const { status, stdout, stderr, error } = spawnSync(process.execPath, [program], {
      cwd: workplace,
      encoding: 'utf8',
      timeout: 120_000,
    });
    rmSync(program);
    const name = examples.length === 1 ? readme : `${readme}, example ${i + 1}`;
    if (status === 0) {
      passed++;
      console.log(`passed  ${name}`);
    } else {
      failures.push(`${name}: ${error ?? ''}${stdout}${stderr}`);
    }
  }
}
rmSync(workplace, { recursive: true });
for (const failure of failures) console.log(`FAILED  ${failure}`);
console.log(`readme examples: ${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
