/**
 * Finds the line of a cell that a stack frame means.
 *
 * tslab compiles a cell twice, from TypeScript to a module and from there to CommonJS, and keeps no source maps.
 * Here both compilations are asked for one, and each cell's code gets a name that its stack frames carry.
 */
import { createRequire, SourceMap } from 'node:module';

const INLINE_MAP = /\n?\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)\s*$/;
const MAP_COMMENT = /\n?\/\/# sourceMappingURL=\S+\s*$/;
/** tslab puts one line of its own above a cell's code. */
const LINES_ABOVE = 1;

/** tslab's compiler, which must be replaced before tslab loads it: import this module first. */
const require = createRequire(import.meta.url);
const file = require.resolve('@tslab/typescript-for-tslab', { paths: [require.resolve('tslab')] });
export const ts = require(file);
require.cache[file].exports = {
  ...ts,
  createWatchCompilerHost: (files, options, ...rest) =>
    ts.createWatchCompilerHost(files, { ...options, inlineSourceMap: true }, ...rest),
  transpileModule,
};

const maps = new Map();
/** The maps of the compilation done last. */
let latest = null;

/** Names a converted cell and remembers its maps. Takes and returns what the converter's `convert` returns. */
export function labelCell(number, converted) {
  if (!converted.output) return converted;
  const name = `cell-${number}.ts`;
  maps.set(name, { ...latest, length: converted.output.split('\n').length });
  return { ...converted, output: `${converted.output}\n//# sourceURL=${name}` };
}

/** The cell's line for a frame's `name:line:column` (all from 1), or undefined where the code is tslab's. */
export function cellLine(name, line, column) {
  const own = maps.get(name);
  // Past the end there is only the call that tslab wraps around the cell.
  if (!own || line > own.length) return undefined;
  const module = own.toModule.findEntry(line - 1, column - 1);
  if (module.originalLine === undefined) return undefined;
  const source = own.toSource.findEntry(module.originalLine, module.originalColumn);
  if (source.originalLine === undefined || source.originalLine < LINES_ABOVE) return undefined;
  return source.originalLine - LINES_ABOVE + 1;
}

function transpileModule(code, { compilerOptions, ...options }) {
  const inline = INLINE_MAP.exec(code);
  const result = ts.transpileModule(inline ? code.slice(0, inline.index) : code, {
    ...options,
    compilerOptions: { ...compilerOptions, sourceMap: true },
  });
  if (inline) {
    latest = {
      toModule: new SourceMap(JSON.parse(result.sourceMapText)),
      toSource: new SourceMap(JSON.parse(Buffer.from(inline[1], 'base64').toString())),
    };
  }
  return { ...result, outputText: result.outputText.replace(MAP_COMMENT, '\n') };
}
