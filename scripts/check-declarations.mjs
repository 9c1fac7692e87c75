#!/usr/bin/env node
// Type-checks the packages' declarations as a notebook cell sees them: with the TypeScript that tslab carries, which is
// far older than the one that wrote them. What it does not understand turns into `any` there, without a word.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function declarationsIn(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.d.ts'))
    .map((file) => join(folder, file));
}

/** The workspace packages that notebooks import, and every other one under packages/ that can be: `{ name, folder }`. */
export function packagesToCheck(root = ROOT) {
  const found = new Map();
  const add = (folder) => {
    const { name, bin, main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    // A command has nothing to import.
    if (bin !== undefined && main === undefined) return;
    found.set(name, { name, folder });
  };
  for (const entry of readdirSync(join(root, 'packages'))) {
    if (existsSync(join(root, 'packages', entry, 'package.json'))) add(join(root, 'packages', entry));
  }
  const { dependencies } = JSON.parse(readFileSync(join(root, 'notebooks', 'package.json'), 'utf8'));
  for (const [name, version] of Object.entries(dependencies)) {
    if (version.startsWith('workspace:')) add(realpathSync(join(root, 'notebooks', 'node_modules', name)));
  }
  return [...found.values()];
}

/** The TypeScript inside tslab, and the settings with which its kernel reads a cell in `notebooks`. */
export function notebookCompiler(notebooks) {
  const tslab = createRequire(join(notebooks, 'package.json')).resolve('tslab/package.json');
  const requireFromTslab = createRequire(realpathSync(tslab));
  const ts = requireFromTslab('@tslab/typescript-for-tslab');
  const typeRoots = ts.getDefaultTypeRoots(notebooks, ts.sys) ?? [];
  if (!typeRoots.some((folder) => existsSync(join(folder, 'node')))) {
    typeRoots.push(dirname(dirname(requireFromTslab.resolve('@types/node/package.json'))));
  }
  const options = {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    esModuleInterop: true,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    resolveJsonModule: true,
    typeRoots,
    noEmit: true,
    // tslab skips declarations: that is why nobody would see what this finds.
    skipLibCheck: false,
  };
  return { ts, options };
}

/**
 * Checks declaration `files` under `ts` and `options`, and that `entry`, a program's text as if it stood in the file
 * `entryPath`, compiles against them. Returns one line for each fault: syntax that cannot be parsed, errors, and every
 * written type that has become `any`.
 */
export function faultsIn({ ts, options, files, entry, entryPath, root = ROOT }) {
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  const isEntry = (file) => resolve(file) === resolve(entryPath);
  host.fileExists = (file) => isEntry(file) || fileExists(file);
  host.readFile = (file) => (isEntry(file) ? entry : readFile(file));
  host.getSourceFile = (file, ...rest) =>
    isEntry(file) ? ts.createSourceFile(file, entry, rest[0]) : getSourceFile(file, ...rest);
  const program = ts.createProgram([entryPath, ...files], options, host);
  const checker = program.getTypeChecker();
  const faults = [];

  const place = (source, start) => {
    const { line, character } = source.getLineAndCharacterOfPosition(start);
    return `${relative(root, source.fileName)}:${line + 1}:${character + 1}`;
  };
  const report = (diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
    faults.push(`${diagnostic.file ? place(diagnostic.file, diagnostic.start) : 'options'}: ${text}`);
  };

  program.getOptionsDiagnostics().forEach(report);
  for (const file of [entryPath, ...files]) {
    const source = program.getSourceFile(file);
    const before = faults.length;
    program.getSyntacticDiagnostics(source).forEach(report);
    program.getSemanticDiagnostics(source).forEach(report);
    // A reference to a type that an error elsewhere (in a dependency's declarations) made `any` is no error here.
    const visit = (node) => {
      // A template's span counts as a type node, but only what stands in it has a type.
      const isType = ts.isTypeNode(node) && !ts.isTemplateLiteralTypeSpan(node);
      if (isType && checker.getTypeFromTypeNode(node).flags & ts.TypeFlags.Any) {
        faults.push(`${place(source, node.getStart(source))}: ${node.getText(source)} is \`any\` here`);
        return;
      }
      ts.forEachChild(node, visit);
    };
    if (faults.length === before) visit(source);
  }
  return faults;
}

/** Checks all packages of the checkout at `root`; prints the result and returns the exit code. */
export function main(_args, root = ROOT) {
  const notebooks = join(root, 'notebooks');
  const { ts, options } = notebookCompiler(notebooks);
  const packages = packagesToCheck(root);
  const unbuilt = packages.filter(({ folder }) => !existsSync(join(folder, 'dist', 'index.d.ts')));
  if (unbuilt.length > 0) {
    console.error(
      `These have no dist/index.d.ts (run \`npm run setup\`): ${unbuilt.map(({ name }) => name).join(', ')}`,
    );
    return 1;
  }
  const files = packages.flatMap(({ folder }) => declarationsIn(join(folder, 'dist')));
  // Those that a notebook depends on are imported by name, as a cell does; the others by path.
  const importable = ({ name }) => existsSync(join(notebooks, 'node_modules', name));
  const entry = packages
    .map((each, i) => {
      const main = relative(notebooks, join(each.folder, 'dist', 'index.js'))
        .split(sep)
        .join('/');
      return `import * as p${i} from '${importable(each) ? each.name : main}';\nexport const e${i} = Object.keys(p${i});\n`;
    })
    .join('');
  const faults = faultsIn({
    ts,
    options,
    files,
    entry,
    entryPath: join(notebooks, '__declarations__.ts'),
    root,
  });
  for (const fault of faults) console.error(fault);
  console.log(
    `TypeScript ${ts.version} (tslab's): ${files.length} declaration files of ${packages.length} packages, ` +
      (faults.length === 0 ? 'all understood' : `${faults.length} faults`),
  );
  return faults.length === 0 ? 0 : 1;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = main([]);
