import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  bindingPackage,
  installedTensorflow,
  type Manifest,
  packageFolder,
  tensorflowFolder,
} from './place.js';

/** Options of {@link installTensorflow}. */
export interface InstallOptions {
  /** The wheel with CUDA. Default false. */
  gpu?: boolean;
  /** Told what is done, a line each. */
  say?: (line: string) => void;
  folder?: string;
  env?: NodeJS.ProcessEnv;
}

/** TensorFlow's binaries are these; nothing of Python itself is used, so one wheel serves every Python. */
const wheelTarget = ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'];
const wheelPlatforms = ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'];
/** Version of Node-API that the binding is written for; every Node.js since 12 has it. */
const nodeApi = 8;
/** Free space that an installation needs: the wheel, what is taken from it, and a margin. */
const spaceNeeded = { cpu: 1.2e9, gpu: 2.8e9 };

const extractScript = `
import sys, zipfile
wheel, target = sys.argv[1:]
libraries = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2')
headers = ('tensorflow/include/tensorflow/c/', 'tensorflow/include/tensorflow/core/platform/', 'tensorflow/include/tsl/')
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name in libraries or name.startswith(headers):
            archive.extract(name, target)
`;

/**
 * Installs the TensorFlow engine: fetches the pinned wheel of TensorFlow through pip, takes its two libraries and the C
 * headers, builds the binding of `@tensorflow/tfjs-node-gpu` for them, and lets it compute something.
 *
 * What is installed already stays. An installation that was cut off goes on from the wheel that it had fetched; the
 * engine's folder gets its name only at the end.
 *
 * @returns the installation's manifest, and whether anything was done
 * @throws Error that says which step failed, why, and what to do
 */
export async function installTensorflow(
  options: InstallOptions = {},
): Promise<{ manifest: Manifest; installed: boolean }> {
  const { gpu = false, say = () => {}, env = process.env } = options;
  const kind = gpu ? 'gpu' : 'cpu';
  const folder = options.folder ?? tensorflowFolder(env);
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `the TensorFlow engine is built for Linux on x86-64 only; this is ${process.platform} on ${process.arch}`,
    );
  }
  const bindings = bindingPackage();
  if (bindings === undefined) {
    throw new Error(
      "the package '@tensorflow/tfjs-node-gpu' is not installed; install without `--no-optional`",
    );
  }
  const { version } = JSON.parse(readFileSync(join(bindings, 'package.json'), 'utf8')) as { version: string };
  const requirements = join(packageFolder, 'wheels', `tensorflow-${kind}.txt`);
  const source = createHash('sha256')
    .update(readFileSync(requirements))
    .update(`${version} ${nodeApi}`)
    .digest('hex');
  const present = installedTensorflow(folder);
  if (present?.source === source) {
    say(`TensorFlow ${present.tensorflow} (${kind}) is installed already in ${folder}`);
    return { manifest: present, installed: false };
  }

  const work = `${folder}-${kind}.partial`;
  mkdirSync(work, { recursive: true });
  const { bavail, bsize } = statfsSync(work);
  if (bavail * bsize < spaceNeeded[kind]) {
    throw new Error(
      `${Math.round((bavail * bsize) / 1e6)} MB are free in ${work}, and ${spaceNeeded[kind] / 1e6} MB are needed; free some, ` +
        'or set PRIMAL_ENGINES to a folder elsewhere',
    );
  }
  const python = await findPip(env);
  const compiler = await findCompiler(env);

  say(`fetching the wheel (${requirements.split('/').at(-1)}) with ${python} -m pip`);
  const download = join(work, 'wheel');
  await run('fetching the wheel', python, [
    ...[
      '-m',
      'pip',
      'download',
      '--disable-pip-version-check',
      '--progress-bar',
      'off',
      '--no-deps',
      '--only-binary=:all:',
    ],
    ...['--require-hashes', ...wheelTarget, ...wheelPlatforms.flatMap((name) => ['--platform', name])],
    ...['-d', download, '-r', requirements],
  ]);
  const wheel = readdirSync(download).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error(`pip fetched no wheel into ${download}`);
  say(`fetched ${wheel} (${megabytes(statSync(join(download, wheel)).size)})`);

  const contents = join(work, 'contents');
  rmSync(contents, { recursive: true, force: true });
  mkdirSync(contents);
  await run('taking the libraries from the wheel', python, [
    '-c',
    extractScript,
    join(download, wheel),
    contents,
  ]);
  const libraries = join(work, 'deps', 'lib');
  rmSync(join(work, 'deps'), { recursive: true, force: true });
  mkdirSync(libraries, { recursive: true });
  for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
    renameSync(join(contents, 'tensorflow', name), join(libraries, name));
    chmodSync(join(libraries, name), 0o755);
  }
  // The names that the binding is linked against.
  symlinkSync('libtensorflow_cc.so.2', join(libraries, 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(libraries, 'libtensorflow_framework.so'));

  say(`building the binding of tfjs-node-gpu ${version} with ${compiler}`);
  const binding = join(work, 'lib', `napi-v${nodeApi}`, 'tfjs_binding.node');
  mkdirSync(dirname(binding), { recursive: true });
  await run('building the binding', compiler, [
    ...['-shared', '-fPIC', '-O2', '-std=c++17', `-DNAPI_VERSION=${nodeApi}`, '-w'],
    ...['-I', nodeHeaders(), '-I', join(contents, 'tensorflow', 'include'), '-I', dirname(bindings)],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(bindings, 'binding', name)),
    ...['-L', libraries, '-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../deps/lib'],
    ...['-o', binding],
  ]);

  say('verifying it with a computation');
  const tensorflow = await verify(work, env);
  const bytes = [
    join(libraries, 'libtensorflow_cc.so.2'),
    join(libraries, 'libtensorflow_framework.so.2'),
    binding,
  ]
    .map((path) => statSync(path).size)
    .reduce((sum, size) => sum + size);
  const manifest: Manifest = { kind, tensorflow, binding: version, bytes, source };
  rmSync(contents, { recursive: true });
  rmSync(download, { recursive: true });
  writeFileSync(join(work, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(work, folder);
  say(`TensorFlow ${tensorflow} (${kind}) is installed in ${folder}: ${megabytes(bytes)}`);
  return { manifest, installed: true };
}

/** A size for people: `632 MB`, of 10^6 bytes each. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** The C headers of Node-API, which are the same for every Node.js. */
function nodeHeaders(): string {
  const headers = createRequire(import.meta.url)('node-api-headers') as { include_dir: string };
  return headers.include_dir;
}

/** A Python with pip: `PRIMAL_PYTHON`, the virtual environment's, or the system's. */
async function findPip(env: NodeJS.ProcessEnv): Promise<string> {
  const environment = join(dirname(tensorflowFolder(env)), '..', '.venv', 'bin', 'python');
  const candidates = [
    env.PRIMAL_PYTHON,
    existsSync(environment) ? environment : undefined,
    'python3',
    'python',
  ];
  for (const candidate of candidates) {
    if (candidate && (await succeeds(candidate, ['-m', 'pip', '--version']))) return candidate;
  }
  throw new Error(
    'no Python with pip was found, which fetches the wheel; run `npm run setup` first, or set PRIMAL_PYTHON to one',
  );
}

async function findCompiler(env: NodeJS.ProcessEnv): Promise<string> {
  for (const candidate of [env.CXX, 'g++', 'clang++', 'c++']) {
    if (candidate && (await succeeds(candidate, ['--version']))) return candidate;
  }
  throw new Error(
    'no C++ compiler was found, which builds the binding; install one (Debian, Ubuntu: `sudo apt install g++`), or set CXX',
  );
}

/** Loads an engine in a process of its own and computes with it. @returns the version that TensorFlow states */
async function verify(folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const program = join(packageFolder, 'dist', 'tensorflow', 'verify.js');
  const output = await run('verifying the engine', process.execPath, [program, folder], env);
  return (JSON.parse(output.trim().split('\n').at(-1) as string) as { tensorflow: string }).tensorflow;
}

function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

/** Runs a command. @returns what it printed @throws Error with the end of its output when it fails */
async function run(
  what: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  let output = '';
  let stdout = '';
  const failure = await new Promise<string | undefined>((resolve) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (data) => {
      stdout += data;
      output += data;
    });
    child.stderr.on('data', (data) => {
      output += data;
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? undefined : `ended with ${signal ?? `code ${code}`}`),
    );
  });
  if (failure === undefined) return stdout;
  const tail = output.trimEnd().split('\n').slice(-15).join('\n  | ');
  throw new Error(`${what} failed: ${command} ${failure}. It printed:\n  | ${tail}`);
}
