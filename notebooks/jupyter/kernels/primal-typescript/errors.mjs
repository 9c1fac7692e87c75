/** Turns what went wrong in a cell into the content of a Jupyter `error` message, with short stacks. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { cellLine } from './cell-lines.mjs';

const MAX_FRAMES = 8;
const MAX_CAUSES = 3;
/** Frames of the machinery between the front end and the cell: everything from the first of them on is dropped. */
const MACHINERY = /[/\\]tslab[/\\]dist[/\\]|[/\\]primal-typescript[/\\]\w|node:vm|node:internal\/vm/;

/**
 * @param failures What failed, most important first: `{ error }`, the same with `late: true` for an uncaught error
 *   that came between two cells, or `{ diagnostic: { file, line, column, text } }` of the TypeScript compiler.
 * @param code The failed cell's source, for the compiler's messages.
 */
export function describeFailures(failures, code) {
  const diagnostics = failures.filter((failure) => failure.diagnostic).map((failure) => failure.diagnostic);
  const reports = diagnostics.length > 0 ? [describeDiagnostics(diagnostics, code)] : [];
  for (const { error, late, diagnostic } of failures) {
    if (diagnostic) continue;
    const report = describeError(error);
    if (late) report.traceback.push('    (uncaught; it came after the previous cell had ended)');
    reports.push(report);
  }
  return { ...reports[0], traceback: reports.flatMap((report) => report.traceback) };
}

/** Whether an error stands for the user's interrupt, of a blocking or of a waiting cell. */
export function isInterrupt(error) {
  return (
    error?.code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED' || error?.message === 'Interrupted asynchronously'
  );
}

function describeError(error) {
  if (isInterrupt(error)) {
    const evalue = 'the cell was interrupted';
    return { ename: 'Interrupted', evalue, traceback: [`Interrupted: ${evalue}`] };
  }
  if (!isError(error)) {
    const evalue = typeof error === 'string' ? error : inspect(error, { depth: 2 });
    return { ename: 'Thrown', evalue, traceback: [`Thrown (not an Error): ${evalue}`] };
  }
  const traceback = [heading(error), ...frames(error)];
  let cause = error.cause;
  for (let depth = 0; cause !== undefined && depth < MAX_CAUSES; depth++) {
    traceback.push(`Caused by ${isError(cause) ? heading(cause) : inspect(cause, { depth: 2 })}`);
    if (isError(cause)) traceback.push(...frames(cause));
    cause = cause?.cause;
  }
  for (const part of (error.errors ?? []).slice(0, MAX_CAUSES)) {
    traceback.push(`Together with ${isError(part) ? heading(part) : inspect(part, { depth: 2 })}`);
  }
  return { ename: name(error), evalue: String(error.message), traceback };
}

/** Errors of another realm (jsdom's, for one) are no instances of this one's `Error`. */
function isError(value) {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

function name(error) {
  return error.name || error.constructor?.name || 'Error';
}

function heading(error) {
  return error.message ? `${name(error)}: ${error.message}` : name(error);
}

function frames(error) {
  const all = String(error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line));
  const end = all.findIndex((line) => MACHINERY.test(line));
  const shown = all
    .slice(0, end < 0 ? all.length : end)
    .map(shorten)
    .filter((line) => line !== null);
  const more = shown.length - MAX_FRAMES;
  return more > 0 ? [...shown.slice(0, MAX_FRAMES), `    … ${more} more`] : shown;
}

/** One frame with the cell's line or a short path; null for frames of Node.js itself. */
function shorten(frame) {
  const match = /^\s+at (?:async (?=\S+$))?(?:(.*) \()?(.*?):(\d+):(\d+)\)?$/.exec(frame);
  if (!match) return null;
  const [, caller, file, line, column] = match;
  if (file.startsWith('node:')) return null;
  const cell = /^cell-(\d+)\.ts$/.exec(file);
  if (cell) {
    const own = cellLine(file, Number(line), Number(column));
    if (own === undefined) return null;
    const where = `cell ${cell[1]}, line ${own}`;
    // What was declared in another cell is called through tslab's proxy.
    return caller ? `    at ${caller.replace('Proxy.', '')} (${where})` : `    at ${where}`;
  }
  const place = `${shortPath(file)}:${line}:${column}`;
  return caller ? `    at ${caller} (${place})` : `    at ${place}`;
}

/** A file below the working folder by its path from there, any other by its package's name and its path in that package. */
function shortPath(file) {
  const full = file.startsWith('file:') ? fileURLToPath(file) : file;
  const inPackage = full.split(/[/\\]node_modules[/\\]/).at(-1);
  if (inPackage !== full) return inPackage;
  const here = path.relative(process.cwd(), full);
  if (!here.startsWith('..') && !path.isAbsolute(here)) return here;
  const root = packageRoot(path.dirname(full));
  if (root === undefined) return here;
  const { name } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return [name ?? path.basename(root), ...path.relative(root, full).split(path.sep)].join('/');
}

function packageRoot(folder) {
  if (existsSync(path.join(folder, 'package.json'))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : packageRoot(parent);
}

function describeDiagnostics(diagnostics, code) {
  const source = code.split('\n');
  const traceback = [];
  let previous = '';
  for (const { file, line, column, text } of diagnostics) {
    const place = `${file}line ${line}, column ${column}`;
    // Several messages for one place explain each other.
    if (place === previous) {
      traceback.push(`    ${text}`);
      continue;
    }
    previous = place;
    traceback.push(`${place}: ${text}`);
    if (file === '' && source[line - 1] !== undefined) {
      traceback.push(`    ${source[line - 1]}`, `    ${' '.repeat(column - 1)}^`);
    }
  }
  return {
    ename: 'CompileError',
    evalue: traceback[0],
    traceback: [`CompileError: ${traceback[0]}`, ...traceback.slice(1)],
  };
}
