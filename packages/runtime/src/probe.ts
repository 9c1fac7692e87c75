import * as tf from '@tensorflow/tfjs';
import { eachTensor, mapTensors } from './tree.js';

/** What a probe emitted while a compiled function was traced, or the values of that at a call. */
export interface Emission {
  readonly probe: number;
  readonly event: unknown;
}

interface Collector {
  readonly probes: ReadonlySet<number>;
  readonly emissions: Emission[];
}

/** Probes with subscribers, in the order of their numbers. */
const subscribed = new Map<number, Probe<unknown>>();
let collector: Collector | undefined;
let count = 0;

/**
 * A place from which a layer shows what it computes, to whoever subscribes: scores, queries, keys.
 *
 * A layer holds a probe and calls {@link emit} with a function that makes the event: a tensor, or arrays and plain
 * objects of tensors and other values. Without subscribers that function is not called, so that nothing is computed and
 * programs are as if there were no probe.
 *
 * Outside `jit` subscribers are called at once. Inside, the tensors become further outputs of the program, and subscribers
 * are called after each call of the function, with values. Subscribing means another program, and so does any other set of
 * probes with subscribers; what was compiled before is used again when nobody subscribes any more.
 *
 * Event tensors are disposed when the subscriber returns, as are tensors that it makes: `tf.keep` what is to stay. They
 * carry no gradient, and emitting changes none. When several probes emit, or one several times, the order is that of
 * the calls.
 *
 * Inside `checkpoint` an event is heard once, after the forward pass; inside `scan` once for each step, after the loop. What
 * either computes again for a gradient is not heard again.
 */
export class Probe<T> {
  readonly #id = count++;
  readonly #subscribers = new Set<{ readonly hear: (event: T) => void }>();

  /** @returns ends the subscription */
  subscribe(subscriber: (event: T) => void): () => void {
    // An object of its own, so that one function can subscribe twice and each subscription ends by itself.
    const entry = { hear: subscriber };
    this.#subscribers.add(entry);
    subscribed.set(this.#id, this as Probe<unknown>);
    return () => {
      this.#subscribers.delete(entry);
      if (this.#subscribers.size === 0) subscribed.delete(this.#id);
    };
  }

  /** True when an event that is emitted now will be heard. */
  get heard(): boolean {
    return collector === undefined ? this.#subscribers.size > 0 : collector.probes.has(this.#id);
  }

  /** Shows an event to the subscribers, if there are any. @param make makes the event */
  emit(make: () => T): void {
    if (!this.heard) return;
    const into = collector;
    tf.tidy(() => {
      const event = mapTensors(make(), (tensor) => tf.clone(tensor));
      if (into === undefined) {
        this.deliver(event);
        return;
      }
      // The tensors must outlive all scopes of the function that is traced.
      eachTensor(event, (tensor) => tf.keep(tensor));
      into.emissions.push({ probe: this.#id, event });
    });
  }

  /** Calls the subscribers. Who owns the event's tensors disposes them. */
  deliver(event: T): void {
    for (const { hear } of [...this.#subscribers]) tf.tidy(() => hear(event));
  }
}

/** The numbers of the probes with subscribers: part of the signature of a compiled function. */
export function subscribedProbes(): readonly number[] {
  return subscribed.size === 0 ? [] : [...subscribed.keys()].sort((a, b) => a - b);
}

/** The numbers of the probes whose events are heard by somebody at this moment: a subscriber, or a function that collects them. */
export function heardProbes(): readonly number[] {
  return collector === undefined ? subscribedProbes() : [...collector.probes];
}

/** Runs `fn`, in which nothing that probes emit is heard: it computes again what was heard before. */
export function withoutEmissions<R>(fn: () => R): R {
  return collectEmissions([], fn).result;
}

/** Lets out what was held back: to the subscribers, or to a function around that collects. Disposes the tensors. */
export function releaseEmissions(emissions: readonly Emission[]): void {
  if (collector === undefined) {
    deliverEmissions(emissions);
    return;
  }
  for (const emission of emissions) {
    eachTensor(emission.event, (tensor) => tf.keep(tensor));
    collector.emissions.push(emission);
  }
}

/** Runs `fn` and holds back what the named probes emit meanwhile. */
export function collectEmissions<R>(
  probes: readonly number[],
  fn: () => R,
): { result: R; emissions: readonly Emission[] } {
  const outer = collector;
  const emissions: Emission[] = [];
  collector = { probes: new Set(probes), emissions };
  try {
    const result = fn();
    return {
      result,
      // Copies that belong to the scope of the caller, for those that belong to none.
      emissions: emissions.map(({ probe, event }) => ({
        probe,
        event: mapTensors(event, (t) => tf.clone(t)),
      })),
    };
  } finally {
    collector = outer;
    for (const { event } of emissions) eachTensor(event, (tensor) => tensor.dispose());
  }
}

/** Calls the subscribers with what a compiled function emitted, and disposes the tensors that none of them kept. */
export function deliverEmissions(emissions: readonly Emission[]): void {
  try {
    for (const { probe, event } of emissions) subscribed.get(probe)?.deliver(event);
  } finally {
    for (const { event } of emissions) {
      eachTensor(event, (tensor) => {
        if (!tensor.kept) tensor.dispose();
      });
    }
  }
}
