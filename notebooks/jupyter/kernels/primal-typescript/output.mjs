/** Gathers what cells write to stdout and stderr, and sends it as few, ordered messages. */
import { StringDecoder } from 'node:string_decoder';

/** JupyterLab drops output past 1,000 messages a second; nobody reads faster than this. */
const INTERVAL_MS = 50;

export class Output {
  #streams = { stdout: process.stdout, stderr: process.stderr };
  #original = {
    stdout: process.stdout.write.bind(process.stdout),
    stderr: process.stderr.write.bind(process.stderr),
  };
  /** Where text goes: `(name, text) => void`; before the first cell to the process's own streams. */
  #target = (name, text) => this.#original[name](text);
  #pending = [];
  #sentAt = 0;
  #timer = null;

  constructor() {
    for (const name of ['stdout', 'stderr']) {
      const decoder = new StringDecoder('utf8');
      this.#streams[name].write = (chunk, encoding, callback) => {
        this.#gather(name, typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)));
        const done = typeof encoding === 'function' ? encoding : callback;
        if (done) process.nextTick(done);
        return true;
      };
    }
  }

  /** Writes about the kernel itself, to where Jupyter was started. */
  log(text) {
    this.#original.stderr(text);
  }

  /** Sends all text from now on to `target`. */
  direct(target) {
    this.flush();
    this.#target = target;
  }

  /** Sends what is pending. To be called before every other message of a cell, to keep the order. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#sentAt = Date.now();
    for (const { name, text } of this.#pending.splice(0)) this.#target(name, text);
  }

  #gather(name, text) {
    const last = this.#pending.at(-1);
    if (last?.name === name) last.text += text;
    else this.#pending.push({ name, text });
    // A cell that never yields still shows its progress: a timer would not fire.
    if (Date.now() - this.#sentAt >= INTERVAL_MS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), INTERVAL_MS).unref();
  }
}
