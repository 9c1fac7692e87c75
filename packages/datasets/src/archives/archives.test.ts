import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataFolder } from '../data-folder.js';
import { writeTar } from '../testing/write-tar.js';
import { writeZip } from '../testing/write-zip.js';
import { sampleFiles, sampleTarXz } from '../testing/xz-sample.js';
import { archiveMembers, extractArchive, packingOf, readUnpacked } from './index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-archives-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, bytes: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function contents(path: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const member of archiveMembers(path)) found[member.path] = String(await member.bytes());
  return found;
}

const files = sampleFiles;
const tar = (longNames?: 'pax'): Buffer =>
  writeTar(
    Object.entries(files).map(([path, content]) => ({ path, content })),
    longNames,
  );

describe('archiveMembers', () => {
  it('reads tar, tar.gz, tar.xz and zip alike', async () => {
    expect(await contents(await put('a.tar', tar()))).toEqual(files);
    expect(await contents(await put('p.tar', tar('pax')))).toEqual(files);
    expect(await contents(await put('a.tar.gz', gzipSync(tar())))).toEqual(files);
    expect(await contents(await put('a.zip', await writeZip(files)))).toEqual(files);
    expect(await contents(await put('a.tar.xz', sampleTarXz))).toEqual(files);
  });

  it('reads what the tar program writes, and passes over folders and links', async () => {
    await writeFile(join(folder, 'file'), 'content');
    const script =
      'mkdir -p in/sub && cp file in/sub/file && ln -s /etc/passwd in/link && tar -cf x.tar -C in .';
    execFileSync('sh', ['-c', script], { cwd: folder });
    expect(await contents(join(folder, 'x.tar'))).toEqual({ 'sub/file': 'content' });
  });

  it('passes over members that nobody reads, and closes the file when the loop is left', async () => {
    const path = await put('a.tar.gz', gzipSync(tar()));
    const seen: string[] = [];
    for await (const member of archiveMembers(path)) seen.push(member.path);
    expect(seen).toEqual(Object.keys(files));
    for await (const member of archiveMembers(path)) if (member.path === 'b/c.txt') break;
    const xz = await put('a.tar.xz', sampleTarXz);
    for await (const member of archiveMembers(xz)) if (member.path === 'a.txt') break;
    expect(await contents(xz)).toEqual(files); // the decoder is free again
  });

  it.each(['../x', 'a/../../x', '/etc/x', 'C:/x', 'a\\..\\x', 'a/\u0001', './'])(
    'refuses the path %j in a tar and in a zip',
    async (path) => {
      const archive = await put('a.tar', writeTar([{ path, content: 'x' }]));
      const outcome = contents(archive);
      if (path === './')
        expect(await outcome).toEqual({}); // a folder
      else await expect(outcome).rejects.toThrow(/a\.tar: the archive has a member .*refused/);
      // yazl writes no such name: it is put into the bytes.
      const bytes = await writeZip({ ['_'.repeat(path.length)]: 'x' });
      const evil = Buffer.from(bytes.toString('latin1').replaceAll('_'.repeat(path.length), path), 'latin1');
      const zipped = contents(await put('a.zip', evil));
      if (path === './') expect(await zipped).toEqual({});
      else await expect(zipped).rejects.toThrow(/a\.zip: .*(unsafe|refused)/);
      await expect(extractArchive(archive, join(folder, 'out'))).rejects.toThrow();
      expect((await readdir(folder)).sort()).toEqual(['a.tar', 'a.zip']);
    },
  );

  it('refuses a path that occurs twice', async () => {
    const twice = [
      { path: 'a', content: '1' },
      { path: './a', content: '2' },
    ];
    await expect(contents(await put('a.tar', writeTar(twice)))).rejects.toThrow('two members a');
  });

  it('refuses every truncation', async () => {
    const plain = tar();
    const packed = gzipSync(plain);
    const zipped = await writeZip(files);
    const xz = sampleTarXz;
    const cut = async (name: string, bytes: Buffer, length: number): Promise<void> => {
      const path = await put(name, bytes.subarray(0, length));
      await expect(contents(path), `${name} cut at ${length}`).rejects.toThrow(path);
    };
    // The last 1,024 bytes are the mark, of which half is enough.
    for (const length of [0, 1, 511, 512, 700, 1024, 1600, 2048, plain.length - 1024, plain.length - 513]) {
      await cut('a.tar', plain, length);
    }
    for (const part of [0, 0.1, 0.5, 0.9, 0.999]) {
      await cut('a.tar.gz', packed, Math.floor(part * packed.length));
      await cut('a.tar.xz', xz, Math.floor(part * xz.length));
      await cut('a.zip', zipped, Math.floor(part * zipped.length));
    }
    await expect(
      contents(await put('whole.tar.gz', gzipSync(plain.subarray(0, plain.length - 1024)))),
    ).rejects.toThrow(/truncated: it ends at byte \d+, within a header/);
  });

  it('refuses flipped bytes in packed archives', async () => {
    for (const [name, bytes] of [
      ['a.tar.gz', gzipSync(tar())],
      ['a.tar.xz', sampleTarXz],
    ] as const) {
      for (const part of [0.3, 0.6, 0.95]) {
        const flipped = Buffer.from(bytes);
        flipped[Math.floor(part * bytes.length)] ^= 0x10;
        await expect(contents(await put(name, flipped)), `${name} ${part}`).rejects.toThrow(name);
      }
    }
    const zipped = await writeZip({ a: 'some text that is long enough to be there' });
    zipped[36] ^= 1; // in the member's data
    await expect(contents(await put('a.zip', zipped))).rejects.toThrow('member a is damaged');
  });

  it('limits what is unpacked', async () => {
    const path = await put('a.tar', writeTar([{ path: 'a', content: Buffer.alloc(5000) }]));
    for await (const member of archiveMembers(path)) {
      await expect(member.bytes(4999)).rejects.toThrow('member a has 5000 bytes, at most 4999');
    }
    await expect(
      (async () => {
        for await (const _ of archiveMembers(path, { limit: 4000 }));
      })(),
    ).rejects.toThrow('more than 4000 bytes');
    const bomb = await put('bomb.gz', gzipSync(Buffer.alloc(10_000_000)));
    await expect(readUnpacked(bomb, 1_000_000)).rejects.toThrow(
      `${bomb}: more than 1000000 bytes when unpacked`,
    );
  });
});

describe('packingOf and readUnpacked', () => {
  it('goes by the first bytes, and refuses a name that says something else', async () => {
    expect(await packingOf(await put('x', gzipSync('a')))).toBe('gzip');
    expect(await packingOf(await put('y.txt', 'plain'))).toBe('none');
    const page = await put('a.tar.gz', '<html>not found</html>');
    await expect(readUnpacked(page)).rejects.toThrow('a gzip file by its name, but it begins with the bytes');
    await expect(readUnpacked(await put('e.xz', ''))).rejects.toThrow('but it is empty');
  });

  it('reads several gzip streams in one file, and refuses half of one', async () => {
    const two = Buffer.concat([gzipSync('one '), gzipSync('two')]);
    expect(String(await readUnpacked(await put('two.gz', two)))).toBe('one two');
    const cut = await put('cut.gz', two.subarray(0, two.length - 3));
    await expect(readUnpacked(cut)).rejects.toThrow(`${cut}: the gzip data is truncated or damaged`);
  });

  it('passes on that a file is missing', async () => {
    await expect(readUnpacked(join(folder, 'none'))).rejects.toThrow('ENOENT');
  });
});

describe('extractArchive', () => {
  it('unpacks what is chosen, whole or not at all', async () => {
    const path = await put('a.tar.gz', gzipSync(tar()));
    const out = join(folder, 'out');
    const place = (name: string): string | undefined =>
      name.startsWith('b/') ? `chosen/${name.slice(2)}` : undefined;
    expect(await extractArchive(path, out, { place })).toBe(2);
    expect((await readFile(join(out, 'chosen', 'c.txt'))).length).toBe(1500);
    await expect(extractArchive(path, out)).rejects.toThrow('exists already');
    const cut = await put('cut.tar', tar().subarray(0, 2000));
    await expect(extractArchive(cut, join(folder, 'cut'))).rejects.toThrow('truncated');
    expect(existsSync(join(folder, 'cut'))).toBe(false);
    expect((await readdir(folder)).sort()).toEqual(['a.tar.gz', 'cut.tar', 'out']);
  });
});

describe.runIf(process.env.PRIMAL_DATA)('archives in the folder PRIMAL_DATA (only where it is set)', () => {
  it('the IMDb test reviews are 25,000 files', async () => {
    let count = 0;
    for await (const member of archiveMembers(
      join(dataFolder(), 'lra', 'text_imdb', 'aclImdb_test.tar.gz'),
    )) {
      if (member.path.endsWith('.txt')) count++;
    }
    expect(count).toBe(25_000);
  });
});
