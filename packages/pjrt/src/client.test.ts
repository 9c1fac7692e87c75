import { beforeAll, describe, expect, it } from 'vitest';
import { Args } from './args.js';
import {
  Client,
  type DeviceBuffer,
  type Executable,
  findPlugin,
  PjrtError,
  prepareXlaFlags,
  ReadyEvent,
} from './index.js';

const type = 'tensor<2x3xf32>';
/** (x, y) -> x + max(x, y), with x donated. */
const program = `module {
  func.func public @main(%x: ${type} {tf.aliasing_output = 0 : i32}, %y: ${type}) -> (${type}) {
    %0 = stablehlo.maximum %x, %y : ${type}
    %1 = stablehlo.add %0, %x : ${type}
    return %1 : ${type}
  }
}`;

let client: Client;
let executable: Executable;

beforeAll(() => {
  const plugin = findPlugin();
  prepareXlaFlags(plugin);
  client = new Client(plugin.path);
  executable = client.compile(program);
});

function upload(...values: number[]): DeviceBuffer {
  return client.toDevice(Float32Array.from(values), 'f32', [2, 3]);
}

/** The handle of a scalar whose contents will never come. */
function failedBuffer(): bigint {
  const { library } = client;
  const [device] = client.devices;
  const memory = library.call('Device_DefaultMemory', new Args(32).setWord(16, device!.handle)).word(24);
  // A PJRT_ShapeSpec of 36 bytes; 11 is float32.
  const spec = new Args(40).setWord(0, 36).setPointer(16, new BigInt64Array(1)).setInt32(32, 11);
  const manager = library
    .call(
      'Client_CreateBuffersForAsyncHostToDevice',
      new Args(72).setWord(16, client.handle).setPointer(24, spec).setWord(32, 1).setWord(56, memory),
    )
    .word(64);
  const buffer = library
    .call('AsyncHostToDeviceTransferManager_RetrieveBuffer', new Args(40).setWord(16, manager))
    .word(32);
  const message = Buffer.from('on purpose');
  library.call(
    'AsyncHostToDeviceTransferManager_SetBufferError',
    // 13: an internal error.
    new Args(48).setWord(16, manager).setInt32(28, 13).setPointer(32, message).setWord(40, message.length),
  );
  library.call('AsyncHostToDeviceTransferManager_Destroy', new Args(24).setWord(16, manager));
  return buffer;
}

function call(x: DeviceBuffer, y: DeviceBuffer, kept: number[] = []): DeviceBuffer {
  const list = executable.argumentList(2);
  list[0] = x.handle;
  list[1] = y.handle;
  return client.wrap(executable.execute(kept)[0], 'f32', [2, 3]);
}

function download(buffer: DeviceBuffer): number[] {
  const values = new Float32Array(6);
  buffer.toHost(values);
  return [...values];
}

describe('Client', () => {
  it('names its platform and devices', () => {
    expect(client.platformName).toMatch(/cpu|cuda/);
    expect(client.devices.length).toBeGreaterThan(0);
    expect(client.library.version[0]).toBe(0);
  });

  it('runs a program', () => {
    using y = upload(6, 5, 4, 3, 2, 1);
    using result = call(upload(1, 2, 3, 4, 5, 6), y);
    expect(download(result)).toEqual([7, 7, 7, 8, 10, 12]);
  });

  it('keeps NaN in a maximum, whatever the order of the operands', () => {
    using nan = upload(Number.NaN, 1, 1, 1, 1, 1);
    using one = upload(1, Number.NaN, 1, 1, 1, 1);
    using result = call(nan, one, [0]);
    expect(download(result).slice(0, 3)).toEqual([Number.NaN, Number.NaN, 2]);
  });

  it('consumes a donated argument, and says so when it is read', () => {
    const x = upload(1, 2, 3, 4, 5, 6);
    using y = upload(0, 0, 0, 0, 0, 0);
    call(x, y).dispose();
    expect(() => download(x)).toThrow(/donated/);
    x.dispose();
  });

  it('works on a copy of an argument that must not be donated', () => {
    using x = upload(1, 2, 3, 4, 5, 6);
    using y = upload(0, 0, 0, 0, 0, 0);
    using result = call(x, y, [0]);
    expect(download(x)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(download(result)).toEqual([2, 4, 6, 8, 10, 12]);
  });

  it('reads and compiles without blocking the event loop', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const chain = Array.from({ length: 400 }, (_, i) => `%${i + 1} = stablehlo.sine %${i} : ${type}`);
    const compiled = await client.compileAsync(
      `module { func.func public @main(%arg: ${type}) -> (${type}) {\n%0 = stablehlo.cosine %arg : ${type}\n${chain.join('\n')}\nreturn %400 : ${type} } }`,
    );
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
    using x = upload(1, 1, 1, 1, 1, 1);
    const list = compiled.argumentList(1);
    list[0] = x.handle;
    using result = client.wrap(compiled.execute()[0], 'f32', [2, 3]);
    const values = new Float32Array(6);
    await result.toHostAsync(values);
    let expected = Math.cos(1);
    for (let i = 0; i < 400; i++) expected = Math.sin(expected);
    expect(values[0]).toBeCloseTo(expected, 4);
    compiled.dispose();
  });

  it('reads any number of arrays at once, while their program still runs', async () => {
    const large = 'tensor<600x600xf32>';
    const products = Array.from(
      { length: 4 },
      (_, i) =>
        `%${i + 1} = stablehlo.dot_general %${i}, %0, contracting_dims = [1] x [0] : (${large}, ${large}) -> ${large}`,
    );
    using slow = client.compile(
      `module { func.func public @main(%0: ${large}) -> (${large}) {\n${products.join('\n')}\nreturn %4 : ${large} } }`,
    );
    using x = client.toDevice(new Float32Array(600 ** 2).fill(1 / 600), 'f32', [600, 600]);
    slow.argumentList(1)[0] = x.handle;
    using result = client.wrap(slow.execute()[0], 'f32', [600, 600]);
    using small = upload(1, 2, 3, 4, 5, 6);
    // koffi's own limit is 256 calls.
    const reads = Array.from({ length: 1000 }, async (_, i) => {
      const values = new Float32Array(i % 100 === 0 ? 600 ** 2 : 6);
      await (i % 100 === 0 ? result : small).toHostAsync(values);
      return values.at(-1);
    });
    const values = await Promise.all(reads);
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(i % 100 === 0 ? 1 / 600 : 6, 6);
  });

  it('tells whether the program that computes an array has failed', async () => {
    using x = upload(1, 2, 3, 4, 5, 6);
    const healthy = new ReadyEvent(client, x.handle);
    await healthy.wait();
    expect(healthy.failed).toBe(false);
    healthy.dispose();
    expect(() => healthy.failed).toThrow('disposed');
    using broken = client.wrap(failedBuffer(), 'f32', []);
    const event = new ReadyEvent(client, broken.handle);
    expect([event.failed, broken.failed, x.failed]).toEqual([true, true, false]);
    await expect(event.wait()).rejects.toThrow('on purpose');
    event.dispose();
    expect(() => broken.toHost(new Float32Array(1))).toThrow('on purpose');
  });

  it('passes scalars, empty arrays, integers and booleans', () => {
    const cases = [
      [Float32Array.of(1.5), 'f32', []],
      [new Float32Array(0), 'f32', [0, 3]],
      [Int32Array.of(-(2 ** 31), 2 ** 31 - 1), 'i32', [2]],
      [Uint8Array.of(1, 0, 1), 'i1', [3]],
    ] as const;
    for (const [data, element, shape] of cases) {
      using buffer = client.toDevice(data, element, shape);
      const back = data.slice().fill(0);
      buffer.toHost(back);
      expect(back).toEqual(data);
    }
  });

  it('serialises an executable', () => {
    const copy = client.deserialize(executable.serialize());
    using x = upload(1, 2, 3, 4, 5, 6);
    using y = upload(0, 9, 0, 0, 0, 0);
    const list = copy.argumentList(2);
    list[0] = x.handle;
    list[1] = y.handle;
    using result = client.wrap(copy.execute([0])[0], 'f32', [2, 3]);
    expect(download(result)).toEqual([2, 11, 6, 8, 10, 12]);
    copy.dispose();
  });

  it('knows the memory of a program', () => {
    expect(executable.memoryStats()).toMatchObject({ argumentBytes: 48, outputBytes: 24, aliasBytes: 24 });
  });
});

describe('errors', () => {
  it('carry the code and message of the plugin', () => {
    expect(() => client.compile('module { nonsense }')).toThrow(PjrtError);
    expect(() => client.compile('module { nonsense }')).toThrow(/nonsense/);
  });

  it('say what is wrong with data for a device', () => {
    expect(() => client.toDevice(new Float32Array(5), 'f32', [2, 3])).toThrow(
      /24 bytes, but the data has 20/,
    );
  });

  it('refuse a target that is too small, and a disposed buffer', () => {
    const x = upload(1, 2, 3, 4, 5, 6);
    expect(() => x.toHost(new Float32Array(2))).toThrow(/8 bytes.*24/);
    x.dispose();
    x.dispose();
    expect(() => x.handle).toThrow(/disposed/);
  });

  it('survive running out of memory', () => {
    const huge = 'tensor<1099511627776xf32>';
    const text = `module { func.func public @main() -> (${huge}) { %0 = stablehlo.constant dense<1.0> : ${huge} return %0 : ${huge} } }`;
    expect(() => {
      const big = client.compile(text);
      big.argumentList(0);
      using result = client.wrap(big.execute()[0], 'f32', [2 ** 40]);
      result.toHost(new Float32Array(1));
    }).toThrow();
    using y = upload(0, 0, 0, 0, 0, 0);
    using result = call(upload(1, 2, 3, 4, 5, 6), y);
    expect(download(result)).toEqual([2, 4, 6, 8, 10, 12]);
  });
});
