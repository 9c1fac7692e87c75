import { Buffer } from 'node:buffer';
import yazl from 'yazl';

/** A zip archive with these files. */
export function writeZip(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const archive = new yazl.ZipFile();
  for (const [path, content] of Object.entries(files))
    archive.addBuffer(Buffer.from(content as string), path);
  archive.end();
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    archive.outputStream.on('data', (piece: Buffer) => pieces.push(piece));
    archive.outputStream.on('end', () => resolve(Buffer.concat(pieces)));
    archive.outputStream.on('error', reject);
  });
}
