import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeWhole } from '@primal-attention/experiment';
import { type Compression, megabytesOf, packFolder, sumOf, writeSums } from './archive.js';
import { compilePrograms, copyPackages } from './compile.js';
import { setsOf, stageSet } from './data.js';

/** What {@link pack} makes. */
export interface PackOptions {
  /** The root of the repository, with its `experiments/`, which are built. */
  readonly root: string;
  /** The bundle's folder. */
  readonly out: string;
  /** Sets, by the names of `pnpm primal data`, and `uea` for all of them that are here: an archive each. */
  readonly data: readonly string[];
  /** Of compression. Default 9; tests need it quick. */
  readonly level?: number;
  /** Bytes that an archive may have. Default: what can be carried to a node. */
  readonly limits?: { readonly code: number; readonly node: number; readonly data: number };
  readonly say: (line: string) => void;
}

const defaultLimits = { code: 25e6, node: 25e6, data: 50e6 };

const packageFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Makes the bundle: all that a GPU node without a network needs to run the experiments.
 *
 * | file | content |
 * |---|---|
 * | `start.sh`, `start.py` | unpack, and start the runner |
 * | `code.tar.xz` | the runner, a program per experiment, the configs of all runs, packages that are native or start threads |
 * | `node.tar.xz` | the Node.js that packs; made again only when that is another one |
 * | `data-NAME.tar.xz` | data sets |
 * | `SHA256SUMS` | checksums of the archives |
 *
 * @throws Error when an archive becomes too large, or when something is missing
 */
export async function pack({
  root,
  out,
  data,
  level = 9,
  limits = defaultLimits,
  say,
}: PackOptions): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `bundle: it packs the Node.js that runs it, which must be one for Linux on x86-64; this is ${process.platform} ${process.arch}`,
    );
  }
  mkdirSync(out, { recursive: true });
  for (const name of ['start.sh', 'start.py']) cpSync(join(packageFolder, 'gpu-node', name), join(out, name));
  const shelf = mkdtempSync(join(tmpdir(), 'primal-bundle-'));
  const archive = async (
    name: string,
    limit: number,
    of: Compression['of'],
    stage: (folder: string) => Promise<unknown> | unknown,
  ): Promise<void> => {
    const folder = join(shelf, name);
    mkdirSync(folder);
    await stage(folder);
    await packFolder(folder, join(out, name), limit, { level, of });
    rmSync(folder, { recursive: true });
    say(`${name}: ${megabytesOf(join(out, name))}`);
  };
  try {
    await archive('code.tar.xz', limits.code, 'text', (folder) => stageCode(root, folder, say));
    if (!(await isPacked(out))) {
      await archive('node.tar.xz', limits.node, 'machine code', stageNode);
      writeWhole(join(out, nodeNote), `${await sumOf(process.execPath)}\n`);
    }
    for (const name of data) {
      const sets = await setsOf(name);
      await archive(
        `data-${name}.tar.xz`,
        limits.data,
        name === 'image' ? 'bytes' : 'text',
        async (folder) => {
          for (const source of sets) await stageSet(source, folder);
          say(`data-${name}: ${sets.map((source) => source.name).join(', ')}`);
        },
      );
    }
    await writeSums(out);
  } finally {
    rmSync(shelf, { recursive: true });
  }
}

async function stageCode(root: string, folder: string, say: (line: string) => void): Promise<void> {
  const experiments = join(root, 'experiments');
  const programs: Record<string, string> = { runner: join(packageFolder, 'dist', 'runs', 'main.js') };
  let runs = 0;
  for (const experiment of readdirSync(experiments)) {
    const program = join(experiments, experiment, 'dist', 'run-main.js');
    if (!existsSync(program)) continue;
    programs[`experiments/${experiment}/run-main`] = program;
    for (const run of readdirSync(join(experiments, experiment))) {
      const config = join(experiments, experiment, run, 'config.json');
      if (!existsSync(config)) continue;
      cpSync(config, join(folder, 'experiments', experiment, run, 'config.json'));
      runs++;
    }
  }
  if (runs === 0)
    throw new Error(`bundle: ${experiments} has no run whose program is built; pnpm build builds them`);
  const commit = commitOf();
  await compilePrograms(programs, folder, commit);
  copyPackages(folder, packageFolder);
  say(`code: ${Object.keys(programs).length - 1} experiments, ${runs} runs, commit ${commit}`);
}

/** The commit of the code, marked where files differ from it. */
function commitOf(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: packageFolder, encoding: 'utf8' }).trim();
  const modified = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-modified';
  return git('rev-parse', 'HEAD') + modified;
}

/** Beside node.tar.xz: the checksum of the program in it. */
const nodeNote = 'node.sum';

async function isPacked(out: string): Promise<boolean> {
  const note = join(out, nodeNote);
  if (!existsSync(note) || !existsSync(join(out, 'node.tar.xz'))) return false;
  return readFileSync(note, 'utf8').trim() === (await sumOf(process.execPath));
}

function stageNode(folder: string): void {
  cpSync(process.execPath, join(folder, 'node', 'bin', 'node'), { dereference: true });
}
