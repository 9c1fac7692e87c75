import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendRange, serve } from '../testing/serve.js';
import { type Download, type DownloadOptions, download, type SourceRecord } from './download.js';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const sha256 = createHash('sha256').update(content).digest('hex');
const checksum = { algorithm: 'sha256', value: sha256, from: 'the test' } as const;

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-download-'));
  path = join(folder, 'sub', 'file.bin');
});
afterEach(() => rm(folder, { recursive: true }));

const fetchTo = (url: string, more: Partial<Download> = {}, options: DownloadOptions = {}) =>
  download({ url, limit: 1_000_000, checksum, ...more }, path, { delay: 1, idle: 500, ...options });

const left = (): string[] => (existsSync(join(folder, 'sub')) ? readdirSync(join(folder, 'sub')).sort() : []);

/** Announces all of it and breaks off after `length` bytes. */
function breakAfter(response: ServerResponse, length: number, headers: Record<string, string> = {}): void {
  response.writeHead(200, { etag: '"one"', 'content-length': content.length, ...headers });
  response.write(content.subarray(0, length), () => setTimeout(() => response.destroy(), 20));
}

describe('download', () => {
  it('fetches, verifies, records, and says how far it is', async () => {
    await using server = await serve((request, response) => sendRange(request, response, content));
    const steps: [number, number | undefined][] = [];
    const record = await fetchTo(
      `${server.origin}/x`,
      {},
      { progress: (done, total) => steps.push([done, total]) },
    );
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(record).toMatchObject({
      bytes: 300_000,
      sha256,
      verifiedBy: expect.stringContaining('(the test)'),
    });
    expect(JSON.parse(readFileSync(`${path}.source.json`, 'utf8'))).toEqual(record);
    expect(steps[0]).toEqual([0, 300_000]);
    expect(steps.at(-1)).toEqual([300_000, 300_000]);
    expect(left()).toEqual(['file.bin', 'file.bin.source.json']);
  });

  it('trusts the first copy where no sum is stated, and says so', async () => {
    await using server = await serve((request, response) => sendRange(request, response, content));
    const record: SourceRecord = await fetchTo(server.origin, { checksum: undefined });
    expect(record).toMatchObject({ verifiedBy: 'first use', sha256 });
  });

  it('tells a page from an archive, where no sum is stated', async () => {
    await using server = await serve((_, response) => void response.end('<html>Sign in</html>'));
    path = join(folder, 'sub', 'Heartbeat.zip');
    await expect(fetchTo(server.origin, { checksum: undefined })).rejects.toThrow(
      /Heartbeat\.zip: a zip file by its name, but it begins with the bytes 3c68746d6c3e/,
    );
    expect(left()).toEqual([]);
  });

  it('does not ask again when the fault is the disk’s', async () => {
    await using server = await serve((request, response) => sendRange(request, response, content));
    mkdirSync(`${path}.part`, { recursive: true });
    await expect(fetchTo(server.origin)).rejects.toThrow('EISDIR');
    expect(server.requests.length).toBeLessThanOrEqual(1);
  });

  it('never replaces a file', async () => {
    await using server = await serve((request, response) => sendRange(request, response, content));
    path = join(folder, 'there');
    writeFileSync(path, 'mine');
    await expect(fetchTo(server.origin)).rejects.toThrow('is there already');
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(server.requests).toEqual([]);
  });

  it('goes on where a connection broke, several times', async () => {
    await using server = await serve((request, response, count) => {
      if (count === 1) return breakAfter(response, 100_000);
      if (count === 2) {
        const start = 100_000;
        response.writeHead(206, {
          etag: '"one"',
          'content-length': content.length - start,
          'content-range': `bytes ${start}-299999/300000`,
        });
        response.write(content.subarray(start, 200_000), () => setTimeout(() => response.destroy(), 20));
        return;
      }
      sendRange(request, response, content);
    });
    const said: string[] = [];
    await fetchTo(server.origin, {}, { say: (line) => said.push(line) });
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(server.requests.map(({ range, ifRange }) => [range, ifRange])).toEqual([
      [undefined, undefined],
      ['bytes=100000-', '"one"'],
      ['bytes=200000-', '"one"'],
    ]);
    expect(said).toHaveLength(2);
    expect(said[0]).toContain('100000 bytes are here, trying again');
  });

  it('goes on in a later run, and keeps what came when it gives up', async () => {
    await using server = await serve((request, response, count) => {
      if (count === 1) breakAfter(response, 100_000);
      else if (count <= 3) response.destroy();
      else sendRange(request, response, content);
    });
    await expect(fetchTo(server.origin, {}, { attempts: 3 })).rejects.toThrow(
      'gave up after 3 attempts without a new byte. What came is kept',
    );
    expect(left()).toEqual(['file.bin.part', 'file.bin.part.json']);
    await fetchTo(server.origin);
    expect(server.requests.at(-1)!.range).toBe('bytes=100000-');
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(left()).toEqual(['file.bin', 'file.bin.source.json']);
  });

  it('starts again when the file has changed, or the server cannot say whether it has', async () => {
    const changed = Buffer.from(content).reverse();
    await using server = await serve((request, response, count) => {
      if (count === 1) breakAfter(response, 100_000);
      else sendRange(request, response, changed, '"two"');
    });
    const value = createHash('sha256').update(changed).digest('hex');
    await fetchTo(server.origin, { checksum: { ...checksum, value } });
    expect(readFileSync(path).equals(changed)).toBe(true);

    await using vague = await serve((_, response, count) => {
      if (count === 1) breakAfter(response, 100_000, { etag: 'W/"weak"' });
      else response.writeHead(200, { 'content-length': content.length }).end(content);
    });
    path = join(folder, 'vague');
    await fetchTo(vague.origin);
    expect(vague.requests[1].range).toBeUndefined();
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it.each([
    [
      'more than the limit, announced',
      (r: ServerResponse) => r.writeHead(200, { 'content-length': 2_000_000 }).end(),
      {},
      /has 2000000 bytes, more than its limit of 1000000/,
    ],
    [
      'more than the limit, not announced',
      (r: ServerResponse) => {
        r.writeHead(200, { 'transfer-encoding': 'chunked' });
        for (let i = 0; i < 5; i++) r.write(content);
        r.end();
      },
      {},
      /sends more than its limit of 1000000 bytes \(it announced no size\)/,
    ],
    [
      'another size than stated',
      (r: ServerResponse) => r.writeHead(200, { 'content-length': 5 }).end('short'),
      { bytes: 300_000 },
      /has 5 bytes, expected 300000/,
    ],
    [
      'another size than stated, not announced',
      (r: ServerResponse) => r.writeHead(200, { 'transfer-encoding': 'chunked' }).end('short'),
      { bytes: 300_000 },
      /5 bytes came, expected 300000/,
    ],
    [
      'wrong bytes',
      (r: ServerResponse) => r.end('<html>Sign in</html>'),
      {},
      /the sha256 sum is \w+, expected \w+ \(the test\). What came is removed/,
    ],
    ['no bytes', (r: ServerResponse) => r.end(), { checksum: undefined }, /no bytes came/],
    ['an error', (r: ServerResponse) => r.writeHead(404).end('gone'), {}, /the server answers 404 Not Found/],
    [
      'a redirect to another host',
      (r: ServerResponse) => r.writeHead(302, { location: 'http://evil.example/x' }).end(),
      {},
      /redirects to http:\/\/evil\.example, which is not among the hosts/,
    ],
    [
      'a redirect to a file',
      (r: ServerResponse) => r.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      {},
      /not among the hosts/,
    ],
    [
      'a redirect to nowhere',
      (r: ServerResponse) => r.writeHead(302).end(),
      {},
      /redirects \(302\) to nowhere/,
    ],
    [
      'redirects without end',
      (r: ServerResponse) => r.writeHead(301, { location: '/x' }).end(),
      {},
      /more than 5 times/,
    ],
  ])('refuses %s, and leaves nothing', async (_, answer, more, reason) => {
    await using server = await serve((_, response) => void answer(response));
    await expect(fetchTo(`${server.origin}/x`, more)).rejects.toThrow(reason);
    expect(left()).toEqual([]);
  });

  it('follows a redirect to a host that is allowed', async () => {
    await using other = await serve((request, response) => sendRange(request, response, content));
    await using server = await serve(
      (_, response) => void response.writeHead(302, { location: `${other.origin}/y` }).end(),
    );
    await fetchTo(server.origin, { hosts: [new URL(other.origin).host] });
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('takes a busy server and a silent one for broken connections', async () => {
    await using server = await serve((request, response, count) => {
      if (count === 1) response.writeHead(503).end();
      else if (count === 2)
        return; // says nothing
      else sendRange(request, response, content);
    });
    const said: string[] = [];
    await fetchTo(server.origin, {}, { say: (line) => said.push(line) });
    expect(said.join('\n')).toMatch(/503[\s\S]*nothing came for 0\.5 s/);
  });

  it('sees that fewer bytes came than were announced', async () => {
    await using server = await serve((_, response) => breakAfter(response, 1000, { etag: '' }));
    await expect(fetchTo(server.origin, {}, { attempts: 2 })).rejects.toThrow('gave up after 2 attempts');
    expect(existsSync(path)).toBe(false);
  });

  it('refuses a part of the file that it did not ask for', async () => {
    await using server = await serve((_, response, count) => {
      if (count === 1) breakAfter(response, 100_000);
      else
        response
          .writeHead(206, { 'content-range': 'bytes 0-299999/300000', 'content-length': 300_000 })
          .end(content);
    });
    await expect(fetchTo(server.origin)).rejects.toThrow(
      "asked for the bytes from 100000 on, got 'bytes 0-299999/300000'",
    );
    expect(existsSync(path)).toBe(false);
  });

  it('starts again when the server says that there is nothing after the part', async () => {
    await using server = await serve((request, response, count) => {
      if (count === 1) breakAfter(response, 100_000);
      else if (count === 2) response.writeHead(416).end();
      else sendRange(request, response, content);
    });
    await fetchTo(server.origin);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('is not disturbed by a second one, and takes over the lock of a process that is gone', async () => {
    await using server = await serve((request, response) =>
      setTimeout(() => sendRange(request, response, content), 100),
    );
    const outcomes = await Promise.allSettled([fetchTo(server.origin), fetchTo(server.origin)]);
    const reasons = outcomes.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toMatch(/process \d+ is fetching .*file\.bin: wait for it/);
    await rm(path);
    await writeFile(`${path}.lock`, '999999999');
    await fetchTo(server.origin);
    expect(readFileSync(path).equals(content)).toBe(true);
  });
});
