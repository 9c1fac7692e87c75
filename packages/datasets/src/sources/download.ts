import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packingOf } from '../archives/index.js';
import { type Checksum, sumOfFile } from './checksum.js';
import { withLock } from './lock.js';
import { publish, syncFile } from './publish.js';
import { RefusedError, request } from './request.js';

/** One file to fetch. */
export interface Download {
  readonly url: string;
  /** The most bytes that are taken. */
  readonly limit: number;
  /** Its size, where it is known. */
  readonly bytes?: number;
  /** What its publisher or a third party states; without it the sum of the first copy is recorded and later copies are compared with that. */
  readonly checksum?: Checksum;
  /** Hosts that it may be redirected to, besides its own. */
  readonly hosts?: readonly string[];
}

/** Options of {@link download}. */
export interface DownloadOptions {
  /** Called as bytes arrive. `total` is undefined where nobody says. */
  progress?: (done: number, total: number | undefined) => void;
  /** Told about broken connections and new attempts. */
  say?: (line: string) => void;
  /** Attempts without a new byte before it gives up. Default: 5. */
  attempts?: number;
  /** Before the second attempt, ms; doubled for each further one. Default: 1,000. */
  delay?: number;
  /** Silence after which a connection counts as broken, ms. Default: 60,000. */
  idle?: number;
}

/** What is written beside a fetched file, as FILE.source.json. */
export interface SourceRecord {
  readonly url: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Whose sum it was compared with; `first use`: nobody's, this record is what later copies are compared with. */
  readonly verifiedBy: string;
  readonly fetched: string;
}

/** What is known about the bytes that a part file already has. */
interface Part {
  url: string;
  /** ETag or date that names this version of the file; a part without one is not gone on with. */
  version?: string;
  total?: number;
}

/**
 * Fetches a file to `path`, whole or not at all: into `path.part`, onto the disk, then under its name. A file that is there is
 * never replaced.
 *
 * A broken connection is taken up where it broke, in this run or a later one, if the server says by ETag or date that it
 * still has the same file; otherwise the file is fetched from the start. Refused: more than `limit` bytes, another size or checksum
 * than stated, redirects to other hosts, an answer other than 200 or 206. What came is removed when its checksum is wrong.
 */
export async function download(
  file: Download,
  path: string,
  options: DownloadOptions = {},
): Promise<SourceRecord> {
  if (existsSync(path)) throw new Error(`download: ${path} is there already: remove it to fetch it again`);
  await mkdir(dirname(path), { recursive: true });
  return withLock(`${path}.lock`, `fetching ${path}`, async () => {
    const part = `${path}.part`;
    await fetchWhole(file, part, options);
    const record = await verify(file, part, path);
    await syncFile(part);
    // The record first: a file without one would be trusted anew.
    await writeFile(`${path}.source.json`, `${JSON.stringify(record, null, 2)}\n`);
    if (!(await publish(part, path))) throw new Error(`download: ${path} came up meanwhile: it was kept`);
    await rm(`${part}.json`, { force: true });
    return record;
  });
}

const diskFaults: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EACCES',
  'EPERM',
  'EIO',
  'EISDIR',
]);

async function fetchWhole(file: Download, part: string, options: DownloadOptions): Promise<void> {
  const { attempts = 5, delay = 1000, say = () => {} } = options;
  for (let failures = 0; ; ) {
    const before = await sizeOf(part);
    try {
      await fetchSome(file, part, options);
      return;
    } catch (error) {
      if (error instanceof RefusedError) throw new Error(`download: ${error.message}`, { cause: error });
      // The disk's fault: asking the server again would not help.
      if (diskFaults.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      const after = await sizeOf(part);
      failures = after > before ? 1 : failures + 1;
      const reason = `${file.url}: ${(error as Error).message}`;
      if (failures >= attempts) {
        throw new Error(
          `download: ${reason}; gave up after ${failures} attempts without a new byte. What came is kept: run it again to go on`,
          { cause: error },
        );
      }
      say(`${reason}; ${after} bytes are here, trying again`);
      await sleep(delay * 2 ** (failures - 1));
    }
  }
}

/** One request: goes on from what is there if the server lets it. */
async function fetchSome(file: Download, part: string, options: DownloadOptions): Promise<void> {
  const known = await readPart(part);
  let start = known?.version !== undefined && known.url === file.url ? await sizeOf(part) : 0;
  if (start > 0 && start === known?.total) return;
  const response = await request(file.url, {
    hosts: file.hosts ?? [],
    idle: options.idle ?? 60_000,
    headers: start > 0 ? { range: `bytes=${start}-`, 'if-range': known!.version! } : {},
  });
  try {
    if (response.statusCode === 416) {
      await removePart(part);
      throw new Error('the server has no bytes after those that are here: starting again');
    }
    const total = startOf(response, start, file);
    if (response.statusCode === 200) start = 0;
    checkTotal(total, file);
    const description: Part = { url: file.url, version: versionOf(response), total };
    await writeFile(`${part}.json`, JSON.stringify(description));
    await take(response, part, start, total, file, options);
  } finally {
    response.destroy();
  }
}

/** The size of the whole file by the response's head, which is checked against what was asked for. */
function startOf(response: IncomingMessage, start: number, file: Download): number | undefined {
  const { statusCode = 0, headers } = response;
  if (statusCode === 206 && start > 0) {
    const [, from, all] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
    if (Number(from) !== start) {
      throw new RefusedError(
        `${file.url}: asked for the bytes from ${start} on, got '${headers['content-range']}'`,
      );
    }
    return Number(all);
  }
  if (statusCode === 200) {
    return headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  }
  const message = `${file.url}: the server answers ${statusCode} ${response.statusMessage}`;
  // The server is busy or broken: it may answer otherwise later.
  if (statusCode === 408 || statusCode === 429 || statusCode >= 500) throw new Error(message);
  throw new RefusedError(message);
}

function checkTotal(total: number | undefined, file: Download): void {
  if (total === undefined) return;
  if (total > file.limit)
    throw new RefusedError(`${file.url} has ${total} bytes, more than its limit of ${file.limit}`);
  if (file.bytes !== undefined && total !== file.bytes) {
    throw new RefusedError(
      `${file.url} has ${total} bytes, expected ${file.bytes}: not the file that we know`,
    );
  }
}

function versionOf({ headers }: IncomingMessage): string | undefined {
  // A weak tag promises equal meaning and not equal bytes.
  if (headers.etag !== undefined && !headers.etag.startsWith('W/')) return headers.etag;
  return headers['last-modified'];
}

async function take(
  response: IncomingMessage,
  part: string,
  start: number,
  total: number | undefined,
  file: Download,
  options: DownloadOptions,
): Promise<void> {
  const output = await open(part, start > 0 ? 'a' : 'w');
  let done = start;
  try {
    options.progress?.(done, total);
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      if (done + piece.length > file.limit) {
        await removePart(part);
        throw new RefusedError(
          `${file.url} sends more than its limit of ${file.limit} bytes (it announced ${total ?? 'no size'})`,
        );
      }
      await output.writeFile(piece);
      done += piece.length;
      options.progress?.(done, total);
    }
  } finally {
    await output.close();
  }
  if (total !== undefined && done !== total) {
    throw new Error(`the connection ended after ${done} of ${total} bytes`);
  }
  if (!response.complete) throw new Error(`the connection broke after ${done} bytes`);
}

async function verify(file: Download, part: string, path: string): Promise<SourceRecord> {
  const bytes = await sizeOf(part);
  const wrong = async (reason: string): Promise<never> => {
    await removePart(part);
    throw new Error(
      `download: ${file.url}: ${reason}. What came is removed; if the publisher has changed the file, tell us`,
    );
  };
  if (file.bytes !== undefined && bytes !== file.bytes)
    await wrong(`${bytes} bytes came, expected ${file.bytes}`);
  if (bytes === 0) await wrong('no bytes came');
  const { checksum } = file;
  // Without a sum, at least a page of a proxy or a sign-in is told from an archive.
  if (!checksum) await packingOf(part, path).catch((error: Error) => wrong(error.message));
  if (checksum) {
    const sum = await sumOfFile(part, checksum.algorithm);
    if (sum !== checksum.value) {
      await wrong(`the ${checksum.algorithm} sum is ${sum}, expected ${checksum.value} (${checksum.from})`);
    }
  }
  return {
    url: file.url,
    bytes,
    sha256: await sumOfFile(part),
    verifiedBy: checksum ? `${checksum.algorithm} ${checksum.value} (${checksum.from})` : 'first use',
    fetched: new Date().toISOString(),
  };
}

async function sizeOf(path: string): Promise<number> {
  return existsSync(path) ? (await stat(path)).size : 0;
}

async function removePart(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}

async function readPart(part: string): Promise<Part | undefined> {
  try {
    return JSON.parse(await readFile(`${part}.json`, 'utf8')) as Part;
  } catch {
    return undefined; // none, or half written: the file is fetched from its start
  }
}
