import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { fileBytes } from '../archives/index.js';
import { sumOf, sumOfFile } from './checksum.js';
import type { SourceRecord } from './download.js';
import { knownFiles } from './known-files.js';
import type { PresentFile, Source } from './registry.js';

/** What was found out about a file. */
export interface Verdict {
  readonly file: PresentFile;
  /**
   * `known`: the bytes that our results were made with. `stated`: the sum that its publisher or a third party states. `recorded`: the
   * sum that was written down when it was fetched. `unknown`: nobody's sum to compare with. `wrong`: not what it should be. `folder`: a
   * folder, whose files are not summed up.
   */
  readonly kind: 'known' | 'stated' | 'recorded' | 'unknown' | 'wrong' | 'folder';
  /** Of the file as it lies there. */
  readonly sha256?: string;
  /** What is wrong, or whose sum it is. */
  readonly note?: string;
}

/** Compares a file with what is known about it. */
export async function verifyFile(source: Source, file: PresentFile): Promise<Verdict> {
  const { path, place } = file;
  const info = await stat(path);
  if (info.isDirectory()) return { file, kind: 'folder' };
  const sha256 = await sumOfFile(path);
  const reasons: string[] = [];
  const checksum = source.downloads.find((one) => one.place === place)?.checksum;
  if (checksum) {
    const { algorithm, value, from } = checksum;
    const sum = algorithm === 'sha256' ? sha256 : await sumOfFile(path, algorithm);
    if (sum === value) return { file, kind: 'stated', sha256, note: from };
    reasons.push(`${algorithm} ${sum}, expected ${value} (${from})`);
  }
  const packed = /\.(gz|xz)$/.exec(place);
  const known = knownFiles[packed ? place.slice(0, -packed[0].length) : place];
  if (known) {
    if (sha256 === known.sha256 || sha256 === known.packed?.sha256) return { file, kind: 'known', sha256 };
    // Packed anew, the content can still be the same.
    const content = packed ? await contentSum(path) : { sum: sha256 };
    if (content.sum === known.sha256) return { file, kind: 'known', sha256, note: 'packed anew' };
    reasons.push(
      content.fault ?? `SHA-256 ${content.sum}${packed ? ' when unpacked' : ''}, expected ${known.sha256}`,
    );
  }
  const record = await readRecord(path);
  if (record) {
    const date = record.fetched.slice(0, 10);
    if (record.sha256 === sha256) return { file, kind: 'recorded', sha256, note: `fetched ${date}` };
    reasons.push(`SHA-256 ${sha256}, but ${record.sha256} when it was fetched on ${date}`);
  }
  if (reasons.length === 0) return { file, kind: 'unknown', sha256 };
  return { file, kind: 'wrong', sha256, note: `${info.size} bytes, ${reasons.join('; ')}` };
}

async function contentSum(path: string): Promise<{ sum?: string; fault?: string }> {
  try {
    return { sum: await sumOf(fileBytes(path)) };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

async function readRecord(path: string): Promise<SourceRecord | undefined> {
  const beside = `${path}.source.json`;
  if (!existsSync(beside)) return undefined;
  try {
    return JSON.parse(await readFile(beside, 'utf8')) as SourceRecord;
  } catch (error) {
    throw new Error(`${beside} is no record of a fetched file (${(error as Error).message}): remove it`, {
      cause: error,
    });
  }
}
