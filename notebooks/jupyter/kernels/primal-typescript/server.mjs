/** The kernel's sockets and its execution loop. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { labelCell } from './cell-lines.mjs';
import { lookForModulesAtOnce } from './compiler-timers.mjs';
import { BLOCKING, BROKEN_OFF, SEEN } from './control-state.mjs';
import { describeFailures, isInterrupt } from './errors.mjs';
import { Output } from './output.mjs';
import { expandShorthand } from './shorthand.mjs';

const require = createRequire(import.meta.url);
const jupyter = require('tslab/dist/jupyter.js');
const { createConverter } = require('tslab/dist/converter.js');
const { sys } = createRequire(require.resolve('tslab/dist/converter.js'))('@tslab/typescript-for-tslab');
const { createExecutor } = require('tslab/dist/executor.js');
const { getCodeMetadata } = require('tslab/dist/metadata.js');
const { versions } = require('tslab');

/** Long enough for all that a front end sends at once (Run All) to arrive. */
const DRAIN_MS = 50;

export class KernelServer extends jupyter.ZmqServer {
  #executor;
  #output = new Output();
  #control = new Int32Array(new SharedArrayBuffer(12));
  /** Ends when the last cell that has arrived so far is answered. */
  #queue = Promise.resolve();
  #arrived = 0;
  #abortUpTo = 0;
  #count = 0;
  #running = false;
  /** What the executor reported of the running cell. */
  #failures = [];
  /** Errors that no code awaited and no cell has reported yet. */
  #uncaught = [];
  /** Sends a message as output of the cell that runs or ran last. */
  #publish = () => {};

  constructor(connectionFile) {
    const root = importFolder();
    const executor = createExecutor(
      root,
      converters(root, () => this.#count),
      {
        log: (value) => console.log(value),
        // Called with one argument, what a cell threw, or with a format and the parts of a compiler message.
        error: (...report) => this.#failures.push(toFailure(report)),
      },
    );
    super(new Handler(executor, false), connectionFile);
    this.#executor = executor;
    process.on('uncaughtException', (error) => this.#onUncaught(error));
    process.on('unhandledRejection', (reason) => this.#onUncaught(reason));
    process.on('SIGINT', () => this.#interrupt());
  }

  async start() {
    await this.init();
    // The control channel lives in a thread; the socket that tslab made for it was never bound.
    this.control.close();
    const thread = new Worker(new URL('./control.mjs', import.meta.url), {
      workerData: { connection: this.connInfo, state: this.#control },
    });
    this.control = { send: (frames) => thread.postMessage(frames), close: () => thread.postMessage('close') };
    thread.on('error', (error) => this.#output.log(`The kernel's control channel failed: ${error.stack}\n`));
    thread.on('message', (message) => {
      if (message === 'interrupt') this.#interrupt();
      else void this.handleShellMessage(this.control, ...message.map((frame) => Buffer.from(frame)));
    });
  }

  async bindSocket(sock, port) {
    if (sock === this.control) return;
    // Messages leave at once, none is refused or dropped, also while a cell blocks the event loop.
    if (sock !== this.hb) Object.assign(sock, { sendHighWaterMark: 0, sendTimeout: 0 });
    await super.bindSocket(sock, port);
  }

  async handleShellMessage(sock, ...frames) {
    try {
      await super.handleShellMessage(sock, ...frames);
    } catch (error) {
      // A request that cannot be served (completion inside odd code, say) is no error of the user's cell.
      this.#output.log(`The kernel could not answer a request: ${error.stack}\n`);
    }
  }

  /** Answers the requests to execute in the order in which they arrived. */
  handleExecute(sock, msg) {
    const place = ++this.#arrived;
    this.#queue = this.#queue.then(async () => {
      const content = place <= this.#abortUpTo ? this.#abort(msg) : await this.#execute(msg);
      this.#output.flush();
      this.#send(msg, 'execute_reply', content, sock);
    });
    return this.#queue;
  }

  handleCommInfoRequest(sock, msg) {
    this.#send(msg, 'comm_info_reply', { status: 'ok', comms: {} }, sock);
  }

  close() {
    // An error that comes now has nobody left to hear of it, and no socket.
    this.#publish = () => {};
    super.close();
    // Timers of the user's do not keep alive what has been shut down; the control thread gets time for its reply.
    setTimeout(() => process.exit(0), 100);
  }

  async #execute(msg) {
    const {
      code,
      silent = false,
      store_history: storeHistory = true,
      stop_on_error: stopOnError = true,
    } = msg.content;
    const send = (type, content) => {
      if (!silent) this.#send(msg, type, content, this.iopub);
    };
    this.#output.direct((name, text) => send('stream', { name, text }));
    this.#publish = (type, content) => {
      this.#output.flush();
      send(type, content);
    };
    // Text and displays that come after the cell's end still belong to it, until the next one begins.
    const publish = this.#publish;
    jupyter.lastWriteDisplayData = (data, update) =>
      publish(update ? 'update_display_data' : 'display_data', data);
    if (!silent && storeHistory) this.#count++;
    publish('execute_input', { code, execution_count: this.#count });

    const failures = await this.#run(code);
    if (failures.length === 0) {
      return { status: 'ok', execution_count: this.#count, payload: [], user_expressions: {} };
    }
    const report = describeFailures(failures, code);
    publish('error', report);
    if (stopOnError) {
      await sleep(DRAIN_MS);
      this.#abortUpTo = this.#arrived;
    }
    return { status: 'error', execution_count: this.#count, ...report };
  }

  /** Runs a cell and returns all that failed in it or since the cell before. */
  async #run(code) {
    const late = this.#uncaught.splice(0).map((error) => ({ error, late: true }));
    this.#failures = [];
    this.#running = true;
    const brokenOff = Atomics.load(this.#control, BROKEN_OFF);
    // An interrupt drops all that is pending in the same turn of the event loop: nothing of the kernel's may be there.
    await new Promise(setImmediate);
    try {
      if (getCodeMetadata(code).mode === 'browser')
        throw new Error('cells for the browser (@browser) are not supported');
      Atomics.store(this.#control, BLOCKING, 1);
      const executed = this.#executor.execute(code);
      Atomics.store(this.#control, BLOCKING, 0);
      await executed;
    } catch (error) {
      this.#failures.push({ error });
    } finally {
      Atomics.store(this.#control, BLOCKING, 0);
    }
    // Rejections and the timers that are due show up only when the event loop has gone round.
    await sleep(1);
    await new Promise(setImmediate);
    this.#running = false;
    const uncaught = this.#uncaught.splice(0).map((error) => ({ error }));
    // An uncaught error ends the cell by an interrupt, which is then not the user's.
    if (Atomics.load(this.#control, BROKEN_OFF) > brokenOff && this.#failures.length === 0) {
      this.#failures.push({ error: new Error('Interrupted asynchronously') });
    }
    const own = this.#failures.filter(({ error }) => uncaught.length === 0 || !isInterrupt(error));
    return [...own, ...uncaught, ...late];
  }

  #abort(msg) {
    const text = 'Not run: an earlier cell failed or was interrupted.\n';
    this.#send(msg, 'stream', { name: 'stderr', text }, this.iopub);
    return { status: 'aborted' };
  }

  #onUncaught(error) {
    this.#uncaught.push(error);
    // Whatever the cell awaits may never come now. Without a cell, the last one shows the error, the next one fails.
    if (this.#running) this.#executor.interrupt();
    else this.#publish('error', describeFailures([{ error }]));
  }

  #interrupt() {
    Atomics.add(this.#control, SEEN, 1);
    this.#executor.interrupt();
  }

  #send(parent, type, content, sock) {
    const message = parent.createReply();
    message.header.msg_type = type;
    message.content = content;
    message.signAndSend(this.connInfo.key, sock);
  }
}

/** Answers all requests but those to execute. */
class Handler extends jupyter.JupyterHandlerImpl {
  handleKernel() {
    const reply = super.handleKernel();
    const language = {
      version: versions.typescript,
      pygments_lexer: 'typescript',
      nbconvert_exporter: 'script',
    };
    return {
      ...reply,
      status: 'ok',
      implementation: 'primal-typescript',
      banner: `TypeScript ${versions.typescript} on Node.js ${process.versions.node}`,
      language_info: { ...reply.language_info, ...language },
    };
  }

  handleShutdown({ restart }) {
    return { status: 'ok', restart };
  }
}

/**
 * The folder where imports are looked up: the notebook's own if the packages are found from there, else this
 * repository's notebooks, so that a notebook anywhere can use them.
 */
function importFolder() {
  // Folder by folder, as the compiler looks: Node.js would also follow NODE_PATH, which package managers set.
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'node_modules/@primal-attention/notebook'))) return process.cwd();
    if (folder === path.dirname(folder)) return fileURLToPath(new URL('../../..', import.meta.url));
  }
}

function converters(root, cellNumber) {
  const workingFolder = process.cwd();
  // The converter takes the folder for imports from the process.
  process.chdir(root);
  lookForModulesAtOnce(sys);
  const node = createConverter({ isJS: false, isBrowser: false });
  process.chdir(workingFolder);
  const convert = (previous, code) => {
    const expanded = expandShorthand(code);
    const converted = labelCell(cellNumber(), node.convert(previous, expanded.code));
    const diagnostics = converted.diagnostics.map((diagnostic) =>
      diagnostic.fileName ? diagnostic : { ...diagnostic, start: expanded.toOriginal(diagnostic.start) },
    );
    return { ...converted, diagnostics };
  };
  return {
    node: { ...node, convert },
    get browser() {
      throw new Error('cells for the browser (@browser) are not supported');
    },
    close: () => node.close(),
  };
}

function toFailure([first, file, line, column, text]) {
  return text === undefined ? { error: first } : { diagnostic: { file, line, column, text } };
}
