import type { Buffer } from 'node:buffer';
import { collect, defaultLimit, fileBytes, packingOf } from './bytes.js';
import { safePath } from './safe-path.js';
import { tarMembers } from './tar.js';
import { zipMembers } from './zip.js';

/** One file in an archive. */
export interface Member {
  /** `a/b/c`, below the folder that the archive would be unpacked into. */
  readonly path: string;
  /** Bytes, as the archive announces them; fewer or more are an error while they are read. */
  readonly size: number;
  /** Where it stands, for messages: `ARCHIVE: PATH`. */
  readonly where: string;
  /** Its content in pieces. Valid until the next member is asked for, and once only. */
  stream(): AsyncIterable<Uint8Array>;
  /** Its content in one piece. @throws if it is larger than `limit` */
  bytes(limit?: number): Promise<Buffer>;
}

/** Options of {@link archiveMembers}. */
export interface ArchiveOptions {
  /** The most bytes that all members together may have. Default: 128 GiB. */
  limit?: number;
}

/**
 * The files of an archive (tar, tar.gz, tar.xz, zip; told by the first bytes), as a stream: nothing is unpacked onto the disk, and
 * of a member only what its reader asks for is in memory. A member whose bytes are not asked for is passed over.
 *
 * Refused, with the archive's name: a path that would leave the folder that the archive is unpacked into, a path that occurs
 * twice, a truncated or damaged archive (also one cut between two members), encrypted members. Folders, links and
 * devices are passed over. Reading to the end is what proves the archive whole: who leaves the loop early has no such proof.
 */
export async function* archiveMembers(path: string, options: ArchiveOptions = {}): AsyncGenerator<Member> {
  const limit = options.limit ?? 2 ** 37;
  const fail = (reason: string): never => {
    throw new Error(`${path}: ${reason}`);
  };
  const seen = new Set<string>();
  let total = 0;
  const members =
    (await packingOf(path)) === 'zip' ? zipMembers(path, fail) : tarMembers(fileBytes(path), fail);
  for await (const { path: name, size, bytes } of members) {
    const safe = safePath(name, fail);
    if (seen.has(safe)) fail(`the archive has two members ${safe}`);
    seen.add(safe);
    total += size;
    if (total > limit)
      fail(`its members have more than ${limit} bytes in all: refused (the limit is an option)`);
    const where = `${path}: ${safe}`;
    yield {
      path: safe,
      size,
      where,
      stream: () => bytes,
      bytes: async (most = defaultLimit) => {
        if (size > most) fail(`member ${safe} has ${size} bytes, at most ${most} are read into memory`);
        return collect(bytes, where, most);
      },
    };
  }
}
