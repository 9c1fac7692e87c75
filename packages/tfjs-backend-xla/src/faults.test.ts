import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ExecutableCache } from './executables.js';
import { xla } from './testing/compare.js';

describe('faults', () => {
  const computes = () => expect([...tf.tensor1d([1, 2]).add(1).dataSync()]).toEqual([2, 3]);

  it('out of memory: names shape and bytes, and the process goes on', () => {
    const huge = tf.fill([1_000_000, 1_000_000], 1);
    expect(() => huge.dataSync()).toThrow(
      /f32 \[1000000,1000000\].*4000000000000 bytes|4000000000000 bytes.*f32 \[1000000,1000000\]/s,
    );
    huge.dispose();
    computes();
  });

  it('out of memory in jit', () => {
    const big = xla().jit((x: tf.Tensor) => tf.add(tf.fill([1_000_000, 1_000_000], 1), x));
    expect(() => big(tf.scalar(1))).toThrow(/memory.*f32 \[1000000,1000000\]/is);
    computes();
  });

  it('out of memory while reading asynchronously', async () => {
    const huge = tf.fill([1_000_000, 1_000_001], 1);
    await expect(huge.data()).rejects.toThrow(/f32 \[1000000,1000001\]/);
    huge.dispose();
    computes();
  });

  it('what is too large takes nothing else with it', async () => {
    const huge = () => tf.fill([1_000_000, 1_000_000], 1);
    const made = Array.from({ length: 9 }, (_, i) => (i === 4 ? huge() : tf.scalar(i).add(1)));
    expect(made[0].dataSync()[0]).toBe(1);
    expect(() => made[4].dataSync()).toThrow(/f32 \[1000000,1000000\]/);
    expect(() => made[4].add(1)).toThrow(/f32 \[1000000,1000000\]/);
    expect(made.filter((_, i) => i !== 4).map((x) => x.dataSync()[0])).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
    const [before, large] = [tf.scalar(2).add(1), huge()];
    const failed = expect(large.data()).rejects.toThrow(/f32 \[1000000,1000000\]/);
    const after = before.mul(2);
    await failed;
    expect([...(await after.data()), ...(await before.data())]).toEqual([6, 3]);
    tf.dispose([made, before, large, after]);
    // Where all fail it ends in time.
    const many = Array.from({ length: 200 }, huge);
    expect(() => many[199].dataSync()).toThrow(/memory/i);
    expect(() => many[0].dataSync()).toThrow(/memory/i);
    tf.dispose(many);
    computes();
  });

  it('invalid shapes are refused, and the process goes on', () => {
    expect(() => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3]))).toThrow(/shape/i);
    expect(() => tf.add(tf.ones([2]), tf.ones([3]))).toThrow(/broadcast/);
    expect(() => tf.tensor1d([1, 2, 3]).reshape([2, 2])).toThrow(/size/i);
    const bad = xla().jit((x: tf.Tensor) => x.reshape([2, 2]));
    expect(() => bad(tf.tensor1d([1, 2, 3]))).toThrow(/size/i);
    computes();
  });

  const zeroSized: [string, (x: tf.Tensor2D) => tf.Tensor, number[]][] = [
    ['add', (x) => x.add(1), []],
    ['exp', (x) => x.exp(), []],
    ['sum to a scalar', (x) => x.sum(), [0]],
    ['sum over the empty axis', (x) => x.sum(0), [0, 0, 0]],
    ['mean over the other axis', (x) => x.mean(1), []],
    ['max over the other axis', (x) => x.max(1), []],
    ['matMul', (x) => tf.matMul(x, tf.ones([3, 2])), []],
    ['matMul over the empty axis', (x) => tf.matMul(x, x, true), [0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['transpose', (x) => x.transpose(), []],
    ['reshape', (x) => x.reshape([3, 0]), []],
    ['concat', (x) => tf.concat([x, tf.ones([1, 3])]), [1, 1, 1]],
    ['slice', (x) => x.slice([0, 1], [0, 2]), []],
    [
      'pad',
      (x) =>
        x.pad([
          [1, 0],
          [0, 0],
        ]),
      [0, 0, 0],
    ],
    ['gather', (x) => tf.gather(tf.ones([4, 3]), x.slice([0, 0], [0, 1]).flatten().cast('int32')), []],
    ['where', (x) => tf.where(x.greater(0), x, x), []],
    ['softmax', (x) => x.softmax(), []],
    ['cumsum', (x) => x.cumsum(1), []],
    ['tile', (x) => x.tile([2, 2]), []],
    ['stack', (x) => tf.stack([x, x]), []],
  ];
  it.each(zeroSized)('zero-size tensors: %s', (_, f, expected) => {
    const x = tf.zeros<tf.Rank.R2>([0, 3]);
    const eager = f(x);
    expect([...eager.dataSync()]).toEqual(expected);
    const compiled = xla().jit((y: tf.Tensor) => f(y as tf.Tensor2D))(x);
    expect([...compiled.dataSync()]).toEqual(expected);
    expect(compiled.shape).toEqual(eager.shape);
  });

  it('NaN, infinities and -0 come back bit for bit', async () => {
    const bits = Uint32Array.of(
      0x7fc00000,
      0xffc00000,
      0x7fc12345,
      0x7f812345,
      0xff800000,
      0x7f800000,
      0x80000000,
      0x00000001,
      0x7f7fffff,
    );
    const values = new Float32Array(bits.buffer);
    const bitsOf = (data: Float32Array | Int32Array | Uint8Array) => [
      ...new Uint32Array(data.slice().buffer),
    ];
    const x = tf.tensor1d(values);
    const identity = xla().jit((y: tf.Tensor) => y.reshape([3, 3]));
    expect(bitsOf(identity(x).dataSync())).toEqual([...bits]);
    expect(bitsOf(x.reshape([3, 3]).transpose().transpose().dataSync())).toEqual([...bits]);
    expect(bitsOf(await tf.concat([x, x]).data())).toEqual([...bits, ...bits]);
  });

  it('any number of tensors may be read at once', async () => {
    const pending = Array.from({ length: 400 }, (_, i) => tf.scalar(i).add(1));
    const computed = Array.from({ length: 400 }, (_, i) => tf.scalar(i).mul(2));
    computed[0].dataSync();
    const values = await Promise.all([...pending, ...computed].map(async (x) => (await x.data())[0]));
    expect(values).toEqual([...pending.map((_, i) => i + 1), ...computed.map((_, i) => 2 * i)]);
    tf.dispose([pending, computed]);
  });

  it('very many small programs stay bounded, and evicted ones come back', () => {
    const cache = new ExecutableCache(xla().client, 32);
    const { client } = xla();
    const run = (n: number) => {
      const type = 'tensor<f32>';
      const executable = cache.get(
        String(n),
        () =>
          `module { func.func public @main() -> (${type}) { %0 = stablehlo.constant dense<${n}.0> : ${type} return %0 : ${type} } }`,
      );
      executable.argumentList(0);
      using result = client.wrap(executable.execute()[0], 'f32', []);
      const value = new Float32Array(1);
      result.toHost(value);
      expect(value[0]).toBe(n);
    };
    for (let n = 0; n < 300; n++) run(n);
    const resident = process.memoryUsage().rss;
    for (let n = 300; n < 1000; n++) run(n);
    expect((process.memoryUsage().rss - resident) / 2 ** 20).toBeLessThan(100);
    expect(cache.size).toBe(32);
    run(0);
    run(999);
    expect(cache.statistics).toMatchObject({ compilations: 1001, hits: 1 });
    cache.dispose();
  });

  it('two clients in worker threads at once', async () => {
    const code = `
      import('@primal-attention/pjrt').then(({ Client, findPlugin, prepareXlaFlags }) => {
        const { parentPort } = require('node:worker_threads');
        const plugin = findPlugin(); prepareXlaFlags(plugin);
        const client = new Client(plugin.path);
        const type = 'tensor<4xf32>';
        const sums = [];
        for (let i = 0; i < 5; i++) {
          const e = client.compile('module { func.func public @main(%x: ' + type + ') -> (' + type + ') { %0 = stablehlo.constant dense<' + i + '.0> : ' + type + ' %1 = stablehlo.add %x, %0 : ' + type + ' return %1 : ' + type + ' } }');
          e.argumentList(1)[0] = client.toDevice(Float32Array.of(1, 2, 3, 4), 'f32', [4]).handle;
          const result = new Float32Array(4);
          client.wrap(e.execute()[0], 'f32', [4]).toHost(result);
          sums.push(result[0] + result[3]);
        }
        client.dispose();
        parentPort.postMessage(sums);
      });`;
    const work = () =>
      new Promise((resolve, reject) => {
        const worker = new Worker(code, { eval: true });
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    const right = [5, 7, 9, 11, 13];
    expect(await Promise.all([work(), work()])).toEqual([right, right]);
    computes();
  });
});
