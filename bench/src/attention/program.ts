import { createInterface } from 'node:readline';
import { useBackend } from '@primal-attention/runtime';
import { type SafeTensor, saveSafetensors } from '@primal-attention/safetensors';
import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import * as tf from '@tensorflow/tfjs';
import { native, resetNativeTime } from '../native-time.js';
import type { Round } from '../peer.js';
import { LayerUnderTest } from './layer.js';
import type { Failure, Loaded, LoadRequest, RoundRequest } from './protocol.js';

/** Our part of the benchmark, in a process of its own: it answers one line of JSON by another ({@link LoadRequest}). */
export async function serveLayers(): Promise<void> {
  await import('@primal-attention/tfjs-backend-xla');
  await useBackend('xla');
  const timed = new TimedLayer();
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as LoadRequest | RoundRequest;
    let answer: Loaded | Round | Failure;
    try {
      answer = 'load' in request ? await timed.load(request) : await timed.round(request);
    } catch (error) {
      answer = { failure: (error as Error).message };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

class TimedLayer {
  #layer: LayerUnderTest | undefined;
  #cpu = process.cpuUsage();

  async load({ load, file, warmup }: LoadRequest): Promise<Loaded> {
    this.#layer?.dispose();
    this.#layer = undefined;
    const layer = new LayerUnderTest(load);
    this.#layer = layer;
    const given = layer.given();
    // At first without results: the peer can run where ours fails.
    await save(file, given, layer.trainable);
    resetNativeTime();
    const start = performance.now();
    const first = layer.step();
    const [loss] = await first.loss.data();
    const firstMs = performance.now() - start;
    const programBytes = Math.max(
      ...Array.from(native.programs, (program) => program.memoryStats().totalBytes),
    );
    const { x: _, ...gradients } = first.gradients;
    const results = { loss: first.loss, ...prefixed('grad', first.gradients) };
    await save(file, { ...given, ...results }, Object.keys(gradients));
    tf.dispose([first.loss, first.gradients as tf.TensorContainer, given.rotations ?? []]);
    let warmMs = 0;
    for (let i = 0; i < warmup; i++) warmMs = (await this.#unit(1)).ms;
    this.#cpu = process.cpuUsage();
    const { client } = tf.backend() as unknown as XlaBackend;
    return {
      ...{ loss, warmMs, firstMs, programBytes },
      device: client.devices[0].kind,
      versions: {
        tfjs: tf.version_core,
        node: process.version,
        pjrt: client.library.version.join('.'),
        platform: client.platformVersion,
      },
    };
  }

  async round({ steps, stepsPerRead }: RoundRequest): Promise<Round> {
    const measured = [];
    for (let done = 0; done < steps; done += stepsPerRead) measured.push(await this.#unit(stepsPerRead));
    const { user, system } = process.cpuUsage(this.#cpu);
    return {
      ms: measured.map(({ ms }) => ms / stepsPerRead),
      overheadMs: measured.map(({ overheadMs }) => overheadMs / stepsPerRead),
      cpuMs: (user + system) / 1000,
    };
  }

  /** Milliseconds of so many steps up to a read of the last one's loss, and of the calls without the plugin's execute. */
  async #unit(steps: number): Promise<{ ms: number; overheadMs: number }> {
    if (this.#layer === undefined) throw new Error('there is no layer to time');
    resetNativeTime();
    const begin = performance.now();
    let loss: tf.Tensor | undefined;
    for (let i = 0; i < steps; i++) {
      const result = this.#layer.step();
      tf.dispose(result.gradients as tf.TensorContainer);
      loss?.dispose();
      loss = result.loss;
    }
    const overheadMs = performance.now() - begin - native.ms;
    await loss!.data();
    const ms = performance.now() - begin;
    loss!.dispose();
    return { ms, overheadMs };
  }
}

function prefixed(prefix: string, tensors: Record<string, tf.Tensor>): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
}

/** @param differentiated the names of the weights whose gradients a step computes, beside that of x */
async function save(
  file: string,
  tensors: Record<string, tf.Tensor>,
  differentiated: readonly string[],
): Promise<void> {
  const stored = new Map<string, SafeTensor>();
  for (const [name, tensor] of Object.entries(tensors)) {
    stored.set(name, { dtype: 'F32', shape: tensor.shape, data: await tensor.data<'float32'>() });
  }
  await saveSafetensors(file, stored, { differentiated: JSON.stringify(differentiated) });
}
