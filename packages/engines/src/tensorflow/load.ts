import { lstatSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bindingPackage, installedTensorflow, type Manifest, tensorflowFolder } from './place.js';

/**
 * Loads the TensorFlow engine, which registers the backend `tensorflow` with TensorFlow.js.
 *
 * @throws Error that says what is missing and how to get it
 */
export function loadTensorflow(folder: string = tensorflowFolder()): Manifest {
  const manifest = installedTensorflow(folder);
  if (manifest === undefined) {
    throw new Error(`it is not installed (looked in ${folder}); run \`pnpm primal engine tensorflow\``);
  }
  loadLibrary(folder);
  return manifest;
}

/** Loads the engine in a folder, whether its installation has come to its end or not. */
export function loadLibrary(folder: string): void {
  const target = bindingPackage();
  if (target === undefined) {
    throw new Error(
      "the package '@tensorflow/tfjs-node-gpu' is not installed; install without `--no-optional`",
    );
  }
  // The binding looks for its libraries in its own package, which a package manager makes anew now and then.
  for (const name of ['deps', 'lib']) link(join(folder, name), join(target, name));
  // TensorFlow says on stderr at each start which instructions it uses. Errors are still shown.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const require = createRequire(import.meta.url);
  restoreUtilities(require('node:util') as Record<string, unknown>);
  withoutArguments(() => require('@tensorflow/tfjs-node-gpu'));
}

/** Its loader takes the program's command line for its own: `--dir X` would be the folder that it looks in. */
function withoutArguments(fn: () => void): void {
  const { argv } = process;
  process.argv = argv.slice(0, 2);
  try {
    fn();
  } finally {
    process.argv = argv;
  }
}

/** Makes `path` a link to `target`, also while another process does the same. */
function link(target: string, path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSymbolicLink()) {
    throw new Error(
      `${path} is in the way: the stock installer of tfjs-node made it. Delete it, and start again`,
    );
  }
  if (found !== undefined && readlinkSync(path) === target) return;
  const temporary = `${path}.${process.pid}`;
  symlinkSync(target, temporary, 'dir');
  renameSync(temporary, path);
}

/** tfjs-node calls two functions that Node.js took out in version 23, and warned of before. */
function restoreUtilities(util: Record<string, unknown>): void {
  util.isNullOrUndefined = (value: unknown) => value === null || value === undefined;
  util.isArray = Array.isArray;
}
