import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Header, headerLength, lengthBytes, parseHeader } from './header.js';
import { arrayTypes, bytesOf, requireLittleEndian, type SafeTensor, type SafeTensorsFile } from './tensor.js';
import { fileParts, type Metadata, type NamedTensors } from './write.js';

/**
 * Tensors and metadata of a safetensors file, checked as {@link readSafetensors} does, but read tensor by tensor: no
 * second copy of the file is held.
 *
 * @throws Error that names the file, the tensor and the reason
 */
export async function loadSafetensors(path: string): Promise<SafeTensorsFile> {
  requireLittleEndian('loadSafetensors');
  const fail = failure('loadSafetensors', path);
  const file = await open(path, 'r');
  try {
    const { entries, metadata, dataStart } = await readHeader(file, fail);
    const tensors = new Map<string, SafeTensor>();
    for (const { name, dtype, shape, begin, end } of entries) {
      const data = new arrayTypes[dtype](new ArrayBuffer(end - begin));
      await readFully(file, bytesOf(data), dataStart + begin, fail);
      tensors.set(name, { dtype, shape, data } as SafeTensor);
    }
    return { tensors, metadata };
  } finally {
    await file.close();
  }
}

/**
 * The metadata of a safetensors file, whose header is checked as {@link readSafetensors} does; tensors are not read.
 *
 * @throws Error that names the file and the reason
 */
export async function loadMetadata(path: string): Promise<Map<string, string>> {
  const file = await open(path, 'r');
  try {
    return (await readHeader(file, failure('loadMetadata', path))).metadata;
  } finally {
    await file.close();
  }
}

function failure(caller: string, path: string): (reason: string) => never {
  return (reason) => {
    throw new Error(`${caller}: ${path}: ${reason}`);
  };
}

async function readHeader(
  file: FileHandle,
  fail: (reason: string) => never,
): Promise<Header & { dataStart: number }> {
  const { size } = await file.stat();
  const start = new Uint8Array(lengthBytes);
  if (size >= lengthBytes) await readFully(file, start, 0, fail);
  const headerBytes = new Uint8Array(headerLength(start, size, fail));
  await readFully(file, headerBytes, lengthBytes, fail);
  const dataStart = lengthBytes + headerBytes.length;
  return { ...parseHeader(headerBytes, size - dataStart, fail), dataStart };
}

/**
 * Writes a safetensors file, whole or not at all: into a new file beside `path`, onto the disk, then under its name. A
 * crash at any moment leaves the old file or the new one; a killed process may also leave its `PATH.*.tmp`.
 *
 * @throws Error as {@link writeSafetensors}, before anything is written, or from the file system
 */
export async function saveSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Metadata = {},
): Promise<void> {
  const parts = fileParts('saveSafetensors', tensors, metadata);
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    // The system names no file where a disk is full.
    throw new Error(
      `saveSafetensors: cannot write ${path}: ${(error as Error).message}; what was there before is unchanged`,
      { cause: error },
    );
  }
  await syncFolder(dirname(path));
}

/** Puts the renaming itself onto the disk. Windows has no such call for folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readFully(
  file: FileHandle,
  into: Uint8Array,
  position: number,
  fail: (reason: string) => never,
): Promise<void> {
  let done = 0;
  while (done < into.length) {
    // One read call moves at most 2 GiB.
    const length = Math.min(into.length - done, 2 ** 30);
    const { bytesRead } = await file.read(into, done, length, position + done);
    if (bytesRead === 0) fail(`the file became shorter while it was read, at byte ${position + done}`);
    done += bytesRead;
  }
}
