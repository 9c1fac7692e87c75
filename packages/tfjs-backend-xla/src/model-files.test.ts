import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-model-files-'));
});
afterEach(async () => {
  tf.disposeVariables();
  await rm(folder, { recursive: true });
});

/** A small model with weights of several kinds, some of them not trainable, after a few updates. */
async function trainedModel(): Promise<tf.LayersModel> {
  const model = tf.sequential({ name: 'small' });
  model.add(tf.layers.dense({ units: 5, inputShape: [3], activation: 'tanh' }));
  model.add(tf.layers.batchNormalization());
  model.add(tf.layers.dense({ units: 2, activation: 'softmax' }));
  model.compile({ optimizer: tf.train.adam(0.05), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  const [x, y] = data();
  await model.fit(x, y, { epochs: 2, batchSize: 4, shuffle: false, verbose: 0 });
  return model;
}

function data(): [tf.Tensor2D, tf.Tensor2D] {
  return [
    tf.randomNormal([8, 3], 0, 1, 'float32', 1),
    tf.oneHot(tf.tensor1d([0, 1, 1, 0, 1, 0, 0, 1], 'int32'), 2) as tf.Tensor2D,
  ];
}

function predictions(model: tf.LayersModel): number[] {
  return tf.tidy(() => [...(model.predict(data()[0]) as tf.Tensor).dataSync()]);
}

describe('model.save and tf.loadLayersModel at file://', () => {
  it('give the same predictions, from model.json and from its folder', async () => {
    const model = await trainedModel();
    const place = join(folder, 'deeper', 'model');
    const { modelArtifactsInfo } = await model.save(`file://${place}`);
    expect(modelArtifactsInfo.modelTopologyType).toBe('JSON');
    expect(modelArtifactsInfo.weightDataBytes).toBe(4 * (3 * 5 + 5 + 4 * 5 + 5 * 2 + 2));
    expect((await readdir(place)).sort()).toEqual(['model.json', 'weights.bin']);
    for (const path of [join(place, 'model.json'), place]) {
      const loaded = await tf.loadLayersModel(`file://${path}`);
      expect(predictions(loaded)).toEqual(predictions(model));
    }
  });

  it('take relative paths from the current folder', async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const model = await trainedModel();
      await model.save('file://./m');
      expect(existsSync(join(folder, 'm', 'model.json'))).toBe(true);
      expect(predictions(await tf.loadLayersModel('file://./m/model.json'))).toEqual(predictions(model));
    } finally {
      process.chdir(before);
    }
  });

  it('keep the optimizer, so that training goes on as if it had not stopped', async () => {
    const model = await trainedModel();
    await model.save(`file://${folder}`, { includeOptimizer: true });
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    const losses = async (m: tf.LayersModel) => {
      const [x, y] = data();
      const options = { epochs: 3, batchSize: 4, shuffle: false, verbose: 0 } as const;
      return (await m.fit(x, y, options)).history.loss as number[];
    };
    const expected = await losses(model);
    const actual = await losses(loaded);
    for (const [i, loss] of expected.entries()) expect(actual[i]).toBeCloseTo(loss, 6);
  });

  it('keep metadata, and weights of other types', async () => {
    const model = await trainedModel();
    model.setUserDefinedMetadata({ classes: ['no', 'yes'] });
    await model.save(`file://${folder}`);
    expect((await tf.loadLayersModel(`file://${folder}/model.json`)).getUserDefinedMetadata()).toEqual({
      classes: ['no', 'yes'],
    });
    const { data: weightData, specs: weightSpecs } = await tf.io.encodeWeights({
      f: tf.tensor1d([1.5, Number.NaN, -0]),
      i: tf.tensor1d([1, -2], 'int32'),
      b: tf.tensor1d([true, false, true], 'bool'),
      s: tf.tensor1d(['ä', '']),
    });
    const handler = tf.io.getSaveHandlers(`file://${folder}`)[0];
    await handler.save!({ modelTopology: {}, weightData, weightSpecs });
    const artifacts = await tf.io.getLoadHandlers(`file://${folder}`)[0].load!();
    const decoded = tf.io.decodeWeights(artifacts.weightData as ArrayBuffer, artifacts.weightSpecs!);
    expect([...decoded.f.dataSync()]).toEqual([1.5, Number.NaN, -0]);
    expect([...decoded.i.dataSync()]).toEqual([1, -2]);
    expect([...decoded.b.dataSync()]).toEqual([1, 0, 1]);
    expect(decoded.s.dataSync()).toEqual(['ä', '']);
  });

  it('read weights that are spread over several files and groups', async () => {
    const model = await trainedModel();
    await model.save(`file://${folder}`);
    const path = join(folder, 'model.json');
    const json = JSON.parse(await readFile(path, 'utf8'));
    const [{ weights }] = json.weightsManifest;
    const bytes = await readFile(join(folder, 'weights.bin'));
    // The first weight, a 3 x 5 kernel, is a group of its own, in two files cut inside a number.
    json.weightsManifest = [
      { paths: ['a-1.bin', 'a-2.bin'], weights: weights.slice(0, 1) },
      { paths: ['b.bin'], weights: weights.slice(1) },
    ];
    await writeFile(join(folder, 'a-1.bin'), bytes.subarray(0, 7));
    await writeFile(join(folder, 'a-2.bin'), bytes.subarray(7, 60));
    await writeFile(join(folder, 'b.bin'), bytes.subarray(60));
    await rm(join(folder, 'weights.bin'));
    await writeFile(path, JSON.stringify(json));
    expect(predictions(await tf.loadLayersModel(`file://${path}`))).toEqual(predictions(model));
    await writeFile(join(folder, 'a-2.bin'), bytes.subarray(7, 59));
    await expect(tf.loadLayersModel(`file://${path}`)).rejects.toThrow(
      /a-1\.bin \+ \S+a-2\.bin should have 60 bytes for the 1 weights that \S+model\.json lists, but has 59/,
    );
  });

  it('name the file that is missing or broken', async () => {
    const load = () => tf.loadLayersModel(`file://${folder}/model.json`);
    await expect(load()).rejects.toThrow(`${folder}/model.json cannot be found`);
    await expect(tf.loadLayersModel(`file://${folder}`)).rejects.toThrow(
      `${folder}/model.json cannot be read`,
    );
    await writeFile(join(folder, 'model.json'), '{"modelTopology": ');
    await expect(load()).rejects.toThrow(`${folder}/model.json is not JSON`);
    await writeFile(join(folder, 'model.json'), 'null');
    await expect(load()).rejects.toThrow(`${folder}/model.json holds no modelTopology`);
    await (await trainedModel()).save(`file://${folder}`);
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(9));
    await expect(load()).rejects.toThrow(`${folder}/weights.bin should have 208 bytes`);
    await rm(join(folder, 'weights.bin'));
    await expect(load()).rejects.toThrow(
      `${folder}/weights.bin, which ${folder}/model.json names for its weights, cannot be read`,
    );
  });

  it('leave nothing half-written, and what was there before, when a file cannot be written', async () => {
    const model = await trainedModel();
    await model.save(`file://${folder}`);
    const before = await readFile(join(folder, 'model.json'), 'utf8');
    await writeFile(join(folder, 'file'), '');
    await expect(model.save(`file://${folder}/file`)).rejects.toThrow(
      `${folder}/file is to be a folder, but cannot be made`,
    );
    const handler = tf.io.getSaveHandlers(`file://${folder}`)[0];
    await expect(handler.save!({ modelTopology: new ArrayBuffer(4) })).rejects.toThrow('binary form');
    // Fails when both files are written under their temporary names.
    await mkdir(join(folder, 'taken', 'weights.bin'), { recursive: true });
    await expect(model.save(`file://${folder}/taken`)).rejects.toThrow(`${folder}/taken cannot be written`);
    expect(await readdir(join(folder, 'taken'))).toEqual(['weights.bin']);
    expect((await readdir(folder)).sort()).toEqual(['file', 'model.json', 'taken', 'weights.bin']);
    expect(await readFile(join(folder, 'model.json'), 'utf8')).toBe(before);
  });
});

describe('beside tfjs-node', () => {
  // Its file handler needs no native binding.
  const { fileSystem, nodeFileSystemRouter } = createRequire(import.meta.url)(
    '@tensorflow/tfjs-node-gpu/dist/io/file_system.js',
  );

  it('each reads what the other writes', async () => {
    const model = await trainedModel();
    await model.save(fileSystem(join(folder, 'theirs')));
    await model.save(`file://${folder}/ours`);
    expect(predictions(await tf.loadLayersModel(`file://${folder}/theirs/model.json`))).toEqual(
      predictions(model),
    );
    expect(predictions(await tf.loadLayersModel(fileSystem(join(folder, 'ours', 'model.json'))))).toEqual(
      predictions(model),
    );
    expect(await readFile(join(folder, 'ours', 'weights.bin'))).toEqual(
      await readFile(join(folder, 'theirs', 'weights.bin')),
    );
    expect(JSON.parse(await readFile(join(folder, 'ours', 'model.json'), 'utf8'))).toEqual(
      JSON.parse(await readFile(join(folder, 'theirs', 'model.json'), 'utf8')),
    );
  });

  // Last here, since a router cannot be taken back.
  it('addresses are left to its handlers, so that there is one of each', async () => {
    const ours = tf.io.getSaveHandlers(`file://${folder}`);
    expect(ours).toHaveLength(1);
    expect(tf.io.getLoadHandlers(`file://${folder}`)).toHaveLength(1);
    tf.io.registerSaveRouter(nodeFileSystemRouter);
    tf.io.registerLoadRouter(nodeFileSystemRouter);
    for (const handlers of [
      tf.io.getSaveHandlers(`file://${folder}`),
      tf.io.getLoadHandlers(`file://${folder}`),
    ]) {
      expect(handlers.map((handler) => handler.constructor.name)).toEqual(['NodeFileSystem']);
    }
    const model = await trainedModel();
    await mkdir(join(folder, 'm'));
    await model.save(`file://${folder}/m`);
    expect(predictions(await tf.loadLayersModel(`file://${folder}/m/model.json`))).toEqual(
      predictions(model),
    );
  });
});
