import type * as tf from '@tensorflow/tfjs';

/** A tensor that a layer hands to someone other than its caller. */
export interface SideOutput {
  readonly tensor: tf.Tensor;
  /** Hands over the tensor that takes its place. */
  deliver(tensor: tf.Tensor): void;
}

/**
 * A way by which layers hand out tensors past their callers, such as a loss that a collector around the model gathers.
 *
 * `checkpoint` runs a function apart from the gradient's tape and makes its outputs differentiable afterwards. What
 * leaves the function by another way would be a constant for the gradient, so such a way must be registered here.
 */
export interface SideChannel {
  /**
   * Asks who listens now. The function that it returns runs `fn` as if those listened, this time and any later time, but
   * holds the reports back. Their tensors belong to the scope of the caller.
   */
  open(): <R>(fn: () => R) => { result: R; reports: SideOutput[] };
}

const channels: SideChannel[] = [];

/** Makes a way by which layers hand out tensors known to `checkpoint` and `scan`. */
export function registerSideChannel(channel: SideChannel): void {
  channels.push(channel);
}

/** {@link SideChannel.open} of all channels together. */
export function openSideChannels(): <R>(fn: () => R) => { result: R; reports: SideOutput[] } {
  const runners = channels.map((channel) => channel.open());
  return <R>(fn: () => R) => {
    let call: () => { result: R; reports: SideOutput[] } = () => ({ result: fn(), reports: [] });
    for (const run of runners) {
      const inner = call;
      call = () => {
        const { result, reports } = run(inner);
        return { result: result.result, reports: [...result.reports, ...reports] };
      };
    }
    return call();
  };
}
