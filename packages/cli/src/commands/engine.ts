import { parseArgs } from 'node:util';
import { installTensorflow } from '@primal-attention/engines';
import { type Command, given, UsageError } from '../command.js';

export const engine: Command = {
  usage: 'primal engine tensorflow [--gpu]',
  summary:
    "installs TensorFlow's engine: fetches its wheel, builds the binding of tfjs-node-gpu, verifies it",
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { gpu: { type: 'boolean', default: false } },
    });
    if (positionals.length !== 1 || positionals[0] !== 'tensorflow') {
      throw new UsageError(
        `engine installs 'tensorflow' (xla comes with the set-up, wasm and cpu with the packages), got ${given(positionals)}`,
      );
    }
    await installTensorflow({ gpu: values.gpu, say: (line) => console.log(line) });
    return 0;
  },
};
