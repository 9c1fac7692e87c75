// Runs the examples of the root's and the packages' READMEs and of docs/, or of the files that are its arguments. They must end
// without an error: programs in TypeScript, and for a package that is a command its lines for the shell.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { childEnvironment, ROOT } from './setup/workspace.mjs';

/** Where the examples run: this folder's package depends on all others, as a reader's own would. */
const folder = join(ROOT, 'notebooks');

const all = [
  'README.md',
  ...readdirSync(join(ROOT, 'packages')).map((name) => join('packages', name, 'README.md')),
  join('docs', 'extending.md'),
];
const asked = process.argv.slice(2);
const readmes = asked.length > 0 ? asked : all;

/** What they write goes here. */
const workplace = mkdtempSync(join(tmpdir(), 'readme-'));

let passed = 0;
const failures = [];
const settings = { encoding: 'utf8', timeout: 120_000 };

function note(name, { status, stdout, stderr, error }) {
  if (status === 0) {
    passed++;
    console.log(`passed  ${name}`);
  } else {
    failures.push(`${name}: ${error ?? ''}${stdout}${stderr}`);
  }
}

/** Runs one example. */
function run(language, example) {
  if (language === 'sh') {
    return spawnSync('sh', ['-ec', example], { ...settings, cwd: ROOT, env: childEnvironment() });
  }
  const program = join(folder, `.readme-example-${process.pid}.mjs`);
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  writeFileSync(program, ts.transpileModule(example, { compilerOptions: options }).outputText);
  const result = spawnSync(process.execPath, [program], { ...settings, cwd: workplace });
  rmSync(program);
  return result;
}

for (const readme of readmes) {
  const path = join(ROOT, readme);
  if (!existsSync(path)) {
    failures.push(`${readme} is missing`);
    continue;
  }
  // Lines for the shell are an example only where there is nothing to import.
  const language = readme.startsWith(join('packages', 'cli')) ? 'sh' : 'ts';
  const examples = [...readFileSync(path, 'utf8').matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```/gm)].filter(
    (block) => block[1] === language,
  );
  if (examples.length === 0) failures.push(`${readme} has no example (a block marked ${language})`);
  for (const [i, [, , example]] of examples.entries()) {
    note(i === 0 ? readme : `${readme}, example ${i + 1}`, run(language, example));
  }
}
rmSync(workplace, { recursive: true });
for (const failure of failures) console.log(`FAILED  ${failure}`);
console.log(`readme examples: ${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;
