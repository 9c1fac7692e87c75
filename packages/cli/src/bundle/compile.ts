import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';

/**
 * Packages that go along as they are: koffi is native, and datasets starts threads from modules of its own. All else is compiled into the
 * programs.
 */
const asPackages = ['koffi', '@primal-attention/datasets'];

/** Native and large, and loaded only where it is needed: what comes to a GPU node has no image files. */
const leftBehind = ['sharp'];

/** Of koffi, whose package also has the sources of all platforms. */
const koffiParts = ['package.json', 'LICENSE.txt', 'index.js', 'src', 'lib'];

/**
 * Compiles programs into one file each, `NAME.mjs` in `target`, which need nothing but Node.js and the packages beside them.
 *
 * @param programs compiled JavaScript by name
 * @param commit what results name as their code: `PRIMAL_COMMIT`, unless that is set already
 */
export async function compilePrograms(
  programs: Readonly<Record<string, string>>,
  target: string,
  commit: string,
): Promise<void> {
  await build({
    entryPoints: { ...programs },
    outdir: target,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // tfjs's main files are CommonJS, each with a copy of what it shares with the others.
    mainFields: ['module', 'main'],
    // The other engines stay behind: whoever asks for one there is told that it is missing.
    external: [...asPackages, '@tensorflow/tfjs-backend-wasm'],
    banner: {
      js: [
        "import { createRequire as createRequireOfBundle } from 'node:module';",
        'const require = createRequireOfBundle(import.meta.url);',
        `process.env.PRIMAL_COMMIT ||= '${commit}';`,
      ].join('\n'),
    },
    logLevel: 'warning',
  });
}

/** Copies the packages that programs are not compiled with into `target`/node_modules, with what they depend on. */
export function copyPackages(target: string, from: string): void {
  for (const name of asPackages) copyPackage(name, from, join(target, 'node_modules'));
}

interface PackageJson {
  readonly dependencies?: Readonly<Record<string, string>>;
}

function copyPackage(name: string, from: string, modules: string): void {
  const target = join(modules, name);
  if (leftBehind.includes(name) || existsSync(target)) return;
  const source = packageFolder(name, from);
  const parts = name === 'koffi' ? koffiParts : readdirSync(source).filter((part) => part !== 'node_modules');
  mkdirSync(target, { recursive: true });
  for (const part of parts.filter((one) => !/^(src|pictures)$/.test(one) || name === 'koffi')) {
    cpSync(join(source, part), join(target, part), { recursive: true, dereference: true, filter: isNeeded });
  }
  const { dependencies = {} } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as PackageJson;
  for (const dependency of Object.keys(dependencies)) copyPackage(dependency, source, modules);
  // koffi's own package holds no binary.
  if (name === 'koffi') copyPackage(`@koromix/koffi-${process.platform}-${process.arch}`, source, modules);
}

/** The folder of a package, as Node.js would find it from another: `exports` may keep its package.json from `require.resolve`. */
function packageFolder(name: string, from: string): string {
  for (let folder = realpathSync(from); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (dirname(folder) === folder)
      throw new Error(`bundle: package ${name} is not installed (looked from ${from})`);
  }
}

function isNeeded(path: string): boolean {
  if (statSync(path).isDirectory()) return basename(path) !== 'test';
  return !/\.(map|d\.[cm]?ts|tsbuildinfo|test\.js)$/.test(path);
}
