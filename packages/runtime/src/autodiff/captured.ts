import * as tf from '@tensorflow/tfjs';

interface Recording {
  /** Tensors are numbered in the order in which they are made: what has a smaller number is from outside. */
  readonly firstId: number;
  readonly captured: Set<tf.Tensor>;
}

interface RecordedEngine {
  runKernelFunc(params: { inputs: Readonly<Record<string, unknown>> }): unknown;
  nextTensorId(): number;
}

const recordings: Recording[] = [];

/** True while tensors that a function reads are looked for: then its operations must not hide in a compiled program. */
export function isRecording(): boolean {
  return recordings.length > 0;
}

/** Runs `fn` and notes which tensors from outside it reads, and which variables. */
export function recordCaptured<R>(fn: () => R): { result: R; captured: tf.Tensor[] } {
  const engine = tf.engine() as unknown as RecordedEngine;
  const recording: Recording = { firstId: engine.nextTensorId(), captured: new Set() };
  const run = engine.runKernelFunc;
  if (recordings.length === 0) {
    engine.runKernelFunc = function (params) {
      noteReads(Object.values(params.inputs));
      return run.call(this, params);
    };
  }
  recordings.push(recording);
  try {
    return { result: fn(), captured: [...recording.captured] };
  } finally {
    recordings.pop();
    // The method is the prototype's; deleting the instance's own property brings it back.
    if (recordings.length === 0) delete (engine as { runKernelFunc?: unknown }).runKernelFunc;
  }
}

/** Notes tensors that are read by other means than a kernel. */
export function noteReads(tensors: readonly unknown[]): void {
  for (const recording of recordings) {
    for (const tensor of tensors) {
      if (!(tensor instanceof tf.Tensor)) continue;
      // A variable outlives the function even when the function made it, as a layer does at its first call.
      if (tensor.id < recording.firstId || tensor instanceof tf.Variable) recording.captured.add(tensor);
    }
  }
}

/** Copies that stay when their tensors are disposed or, for variables, assigned. They share the memory. */
export function keepCopies(tensors: readonly tf.Tensor[]): tf.Tensor[] {
  return tensors.map((tensor) => tf.keep(tf.clone(tensor)));
}

/**
 * Runs `fn`, for which `tensors` have the contents of `contents`, whatever became of them since: the function that
 * captured them can so be run again as it ran then.
 */
export function withContents<R>(
  tensors: readonly tf.Tensor[],
  contents: readonly tf.Tensor[],
  fn: () => R,
): R {
  const own = tensors.map((tensor) => {
    const { dataId, isDisposedInternal } = tensor as unknown as Contents;
    return { dataId, isDisposedInternal };
  });
  for (const [i, tensor] of tensors.entries()) {
    Object.assign(tensor, { dataId: contents[i].dataId, isDisposedInternal: false } satisfies Contents);
  }
  try {
    return fn();
  } finally {
    for (const [i, tensor] of tensors.entries()) Object.assign(tensor, own[i]);
  }
}

interface Contents {
  dataId: tf.DataId;
  isDisposedInternal: boolean;
}
