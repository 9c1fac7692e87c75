import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as tar from 'tar';
import { type Snapshot, summaryFile, takeSnapshot } from './snapshot.js';

/** A file of the state is no larger than this. */
export const pieceBytes = 16_000_000;

const stateName = 'state.tar';

/** What {@link writeState} did. */
export interface WrittenState {
  readonly bytes: number;
  /** Unfinished runs that the limit left no room for: they begin anew elsewhere. */
  readonly leftOut: readonly string[];
}

/**
 * Writes the state of all runs into `out`: `state.tar`, or pieces of it (`state.tar.SUM.1of3`, …) where it is larger than one file may
 * be; and `results.tar`, the small files and logs alone.
 *
 * In the order of the list, finished runs first, each as a whole or not at all. New files are complete before old ones go, so that
 * a killed writer leaves a state that {@link readState} finds.
 */
export function writeState(
  ids: readonly string[],
  { work, out, limit }: { work: string; out: string; limit: number },
): WrittenState {
  const shelf = join(work, 'snapshot');
  rmSync(shelf, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const started = ids.filter((id) => existsSync(join(work, 'runs', id)));
  const snapshots = started.map((id) => takeSnapshot(id, join(work, 'runs', id), join(shelf, 'state', id)));
  const { taken, leftOut } = choose(snapshots, limit);
  const state = join(work, stateName);
  pack(state, join(shelf, 'state'), taken);
  const bytes = statSync(state).size;
  publishPieces(state, out);

  for (const { id, folder } of snapshots) {
    const target = join(shelf, 'results', id);
    cpSync(folder, target, { recursive: true, filter: (path) => !path.endsWith('.safetensors') });
    const log = join(work, 'logs', `${id}.log`);
    if (existsSync(log)) copyFileSync(log, join(target, 'run.log'));
  }
  const results = join(work, 'results.tar');
  pack(
    results,
    join(shelf, 'results'),
    snapshots.map(({ id }) => id),
  );
  publish(results, join(out, 'results.tar'));
  rmSync(shelf, { recursive: true });
  return { bytes, leftOut };
}

/** What a tar archive needs beside a file's bytes. */
const tarOverhead = (bytes: number): number => bytes + 20_000;

function choose(snapshots: readonly Snapshot[], limit: number): { taken: string[]; leftOut: string[] } {
  const finished = ({ folder }: Snapshot): boolean => existsSync(join(folder, summaryFile));
  const taken: string[] = [];
  const leftOut: string[] = [];
  let total = 0;
  for (const one of [...snapshots.filter(finished), ...snapshots.filter((one) => !finished(one))]) {
    const next = total + tarOverhead(one.bytes);
    if (next > limit) {
      leftOut.push(one.id);
      continue;
    }
    taken.push(one.id);
    total = next;
  }
  return { taken, leftOut };
}

function pack(file: string, folder: string, entries: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  // tar makes no archive of nothing: two blocks of zeros are an empty one.
  if (entries.length === 0) writeFileSync(file, Buffer.alloc(1024));
  else tar.create({ file, cwd: folder, portable: true, sync: true }, [...entries]);
}

/** Puts the archive, or its pieces, into `out`, and then removes what was there before. */
function publishPieces(archive: string, out: string): void {
  const before = readdirSync(out).filter(isState);
  const bytes = statSync(archive).size;
  const fresh = new Set<string>();
  if (bytes <= pieceBytes) {
    publish(archive, join(out, stateName));
    fresh.add(stateName);
  } else {
    const sum = sumOf(archive);
    const count = Math.ceil(bytes / pieceBytes);
    const file = openSync(archive, 'r');
    for (let i = 0; i < count; i++) {
      const piece = Buffer.alloc(Math.min(pieceBytes, bytes - i * pieceBytes));
      readSync(file, piece, 0, piece.length, i * pieceBytes);
      const name = `${stateName}.${sum}.${i + 1}of${count}`;
      writeFileSync(join(out, `${name}.tmp`), piece, { flush: true });
      renameSync(join(out, `${name}.tmp`), join(out, name));
      fresh.add(name);
    }
    closeSync(file);
    rmSync(archive);
  }
  for (const name of before) if (!fresh.has(name)) rmSync(join(out, name));
}

function publish(from: string, to: string): void {
  // The folders may lie on two disks.
  copyFileSync(from, `${to}.tmp`);
  renameSync(`${to}.tmp`, to);
  rmSync(from);
}

function isState(name: string): boolean {
  return name === stateName || pieceName.test(name) || /^state\.tar.*\.tmp$/.test(name);
}

const pieceName = /^state\.tar\.([0-9a-f]{12})\.(\d+)of(\d+)$/;

function sumOf(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  const chunk = Buffer.alloc(1 << 20);
  for (;;) {
    const read = readSync(file, chunk);
    if (read === 0) break;
    hash.update(chunk.subarray(0, read));
  }
  closeSync(file);
  return hash.digest('hex').slice(0, 12);
}

/**
 * Unpacks a state that {@link writeState} wrote, into `target`: folders EXPERIMENT/RUN.
 *
 * @param path `state.tar`, or where it would be if it were not in pieces, or the folder that holds it
 * @returns the runs
 * @throws Error when nothing is there, or a piece is missing or damaged
 */
export function readState(path: string, target: string): string[] {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const file = isFolder ? join(path, stateName) : path;
  const folder = dirname(file);
  const archives: string[] = existsSync(file) ? [file] : [];
  mkdirSync(target, { recursive: true });
  const joined = basename(file) === stateName ? joinPieces(folder, target) : [];
  archives.push(...joined);
  if (archives.length === 0) {
    throw new Error(
      `there is no whole state at ${path}: expected ${stateName} or all its pieces (${stateName}.*.1of3, …)`,
    );
  }
  // A writer that was killed may have left the old one beside the new one.
  for (const archive of archives)
    tar.extract({ file: archive, cwd: target, sync: true, strict: true, newer: true });
  for (const archive of joined) rmSync(archive);
  return foldersIn(target).flatMap((experiment) =>
    foldersIn(join(target, experiment)).map((run) => `${experiment}/${run}`),
  );
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory());
}

/** Archives made of the pieces in `folder`, one for each set of pieces that is complete. */
function joinPieces(folder: string, target: string): string[] {
  if (!existsSync(folder)) return [];
  const sets = new Map<string, { count: number; pieces: Map<number, string> }>();
  for (const name of readdirSync(folder)) {
    const [, sum, number, count] = pieceName.exec(name) ?? [];
    if (sum === undefined) continue;
    const set = sets.get(sum) ?? { count: Number(count), pieces: new Map<number, string>() };
    set.pieces.set(Number(number), join(folder, name));
    sets.set(sum, set);
  }
  const archives: string[] = [];
  for (const [sum, { count, pieces }] of sets) {
    if (pieces.size < count) continue;
    const archive = join(target, `${stateName}.${sum}`);
    writeFileSync(archive, '');
    for (let i = 1; i <= count; i++) writeFileSync(archive, readFileSync(pieces.get(i)!), { flag: 'a' });
    if (sumOf(archive) !== sum) {
      throw new Error(
        `the pieces ${stateName}.${sum}.* in ${folder} are damaged: their checksum is ${sumOf(archive)}`,
      );
    }
    archives.push(archive);
  }
  return archives;
}

/**
 * Puts the runs of a state into `work`, where they go on. What is further there stays: a finished run always, an unfinished one
 * with a newer checkpoint.
 */
export function restoreState(path: string, work: string): string[] {
  const shelf = join(work, 'restored');
  rmSync(shelf, { recursive: true, force: true });
  const restored: string[] = [];
  for (const id of readState(path, shelf)) {
    const [from, to] = [join(shelf, id), join(work, 'runs', id)];
    if (existsSync(to)) {
      if (progressOf(to) >= progressOf(from)) continue;
      rmSync(to, { recursive: true });
    }
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
    restored.push(id);
  }
  rmSync(shelf, { recursive: true });
  return restored;
}

/** Larger for a run that is further: by the time of its checkpoint, infinite when it has finished. */
function progressOf(folder: string): number {
  if (existsSync(join(folder, summaryFile))) return Number.POSITIVE_INFINITY;
  return statSync(join(folder, 'last.safetensors'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
