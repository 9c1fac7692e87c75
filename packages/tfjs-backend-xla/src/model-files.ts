import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { io, util } from '@tensorflow/tfjs-core';

const scheme = 'file://';
const topologyName = 'model.json';
const weightsName = 'weights.bin';

/**
 * Makes `model.save('file://FOLDER')` and `tf.loadLayersModel('file://FOLDER/model.json')` work, and all else that takes
 * such an address. Only tfjs-node brings that, so without it neither exists in Node.
 *
 * Where another package serves `file://` addresses too, tfjs-node above all, it is left to: two handlers of one address
 * are an error in tfjs. Whether there is one is asked at each use, so the order of imports does not matter.
 */
export function registerModelFiles(): void {
  io.registerSaveRouter(unlessServed(io.getSaveHandlers));
  io.registerLoadRouter(unlessServed(io.getLoadHandlers));
}

type Router = Parameters<typeof io.registerSaveRouter>[0];

function unlessServed(handlersOf: (url: string) => io.IOHandler[]): Router {
  let asking = false;
  // A router without an answer returns null, which tfjs's types leave out.
  const none = null as unknown as io.IOHandler;
  return (url) => {
    if (asking || typeof url !== 'string' || !url.startsWith(scheme)) return none;
    asking = true;
    try {
      return handlersOf(url).length > 0 ? none : modelFiles(url.slice(scheme.length));
    } finally {
      asking = false;
    }
  };
}

/**
 * A model in a folder, in the format of tfjs-node: `model.json` (topology, training configuration, list of weights) and
 * the weights' bytes in `weights.bin`.
 *
 * @param path to save, a folder, which is made where it is missing; to load, a folder's `model.json` or the folder
 */
export function modelFiles(path: string): io.IOHandler {
  const place = resolve(path);
  return { save: (artifacts) => saveModel(place, artifacts), load: () => loadModel(place) };
}

/**
 * Both files are written under other names and get theirs when they are complete and on the disk, the weights first. A
 * failure leaves what was there before. (Killed between the two, a process leaves new weights beside an old model.json;
 * where the two do not fit, loading says so.)
 */
async function saveModel(folder: string, artifacts: io.ModelArtifacts): Promise<io.SaveResult> {
  const { weightSpecs = [], weightData = [], getWeightStream: _, ...rest } = artifacts;
  if (rest.modelTopology instanceof ArrayBuffer) {
    throw new Error(`model.save: ${folder}: a topology in binary form cannot be saved; only one in JSON can`);
  }
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw failure('model.save', `${folder} is to be a folder, but cannot be made`, error);
  }
  const json = JSON.stringify({ ...rest, weightsManifest: [{ paths: [weightsName], weights: weightSpecs }] });
  const files = [
    { name: weightsName, parts: (Array.isArray(weightData) ? weightData : [weightData]).map(bytesOf) },
    { name: topologyName, parts: [new TextEncoder().encode(json)] },
  ].map((file) => ({ ...file, temporary: join(folder, `${file.name}.${randomUUID()}.tmp`) }));
  try {
    for (const { temporary, parts } of files) await writeFully(temporary, parts);
    for (const { temporary, name } of files) await rename(temporary, join(folder, name));
  } catch (error) {
    for (const { temporary } of files) await rm(temporary, { force: true });
    throw failure('model.save', `${folder} cannot be written`, error);
  }
  return { modelArtifactsInfo: io.getModelArtifactsInfoForJSON(artifacts) };
}

function bytesOf(buffer: ArrayBuffer): Uint8Array {
  return new Uint8Array(buffer);
}

async function writeFully(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** @throws Error that names the file which is missing, is no model, or has not the size that the model needs */
async function loadModel(place: string): Promise<io.ModelArtifacts> {
  const path = await topologyPath(place);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw failure('loading a model', `${path} cannot be read; model.save('file://FOLDER') makes it`, error);
  }
  let json: io.ModelJSON;
  try {
    json = JSON.parse(text) as io.ModelJSON;
  } catch (error) {
    throw failure('loading a model', `${path} is not JSON`, error);
  }
  if (typeof json !== 'object' || json === null || json.modelTopology == null) {
    throw new Error(`loading a model: ${path} holds no modelTopology, so it is not a saved model`);
  }
  return io.getModelArtifactsForJSON(json, async (manifest) => {
    const parts: Uint8Array[] = [];
    for (const group of manifest) parts.push(...(await loadGroup(path, group)));
    return [io.getWeightSpecs(manifest), joined(parts)];
  });
}

async function topologyPath(place: string): Promise<string> {
  const info = await stat(place).catch((error: NodeJS.ErrnoException) => {
    throw failure('loading a model', `${place} cannot be found; model.save('file://FOLDER') makes it`, error);
  });
  return info.isDirectory() ? join(place, topologyName) : place;
}

/** The bytes of a group of weights, which may be spread over several files. */
async function loadGroup(path: string, group: io.WeightsManifestConfig[number]): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (const name of group.paths) {
    const part = join(dirname(path), name);
    try {
      parts.push(await readFile(part));
    } catch (error) {
      throw failure('loading a model', `${part}, which ${path} names for its weights, cannot be read`, error);
    }
  }
  const { bytes, exact } = sizeOfWeights(group.weights);
  const found = parts.reduce((sum, part) => sum + part.length, 0);
  if (exact ? found !== bytes : found < bytes) {
    throw new Error(
      `loading a model: ${group.paths.map((name) => join(dirname(path), name)).join(' + ')} should have ` +
        `${exact ? '' : 'at least '}${bytes} bytes for the ${group.weights.length} weights that ${path} lists, but ` +
        `has ${found}: the file is damaged, or belongs to another model`,
    );
  }
  return parts;
}

/** How many bytes weights take. Strings take a length word each and what they need, so theirs is a lower bound. */
function sizeOfWeights(weights: readonly io.WeightsManifestEntry[]): { bytes: number; exact: boolean } {
  let bytes = 0;
  for (const { shape, dtype, quantization } of weights) {
    bytes += util.sizeFromShape(shape) * bytesPerElement[quantization?.dtype ?? dtype];
  }
  return { bytes, exact: weights.every(({ dtype }) => dtype !== 'string') };
}

const bytesPerElement = {
  float32: 4,
  int32: 4,
  bool: 1,
  string: 4,
  complex64: 8,
  float16: 2,
  uint16: 2,
  uint8: 1,
};

function joined(parts: readonly Uint8Array[]): ArrayBuffer {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.buffer;
}

function failure(what: string, problem: string, cause: unknown): Error {
  return new Error(`${what}: ${problem} (${cause instanceof Error ? cause.message : String(cause)})`, {
    cause,
  });
}
