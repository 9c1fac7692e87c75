import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { faultsIn, notebookCompiler } from './check-declarations.mjs';

const notebooks = fileURLToPath(new URL('../notebooks', import.meta.url));
const { ts, options } = notebookCompiler(notebooks);
let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'declarations-'));
});
after(() => rmSync(folder, { recursive: true }));

/** Faults in a package of one declaration file, whose dependency `dep.d.ts` is not the package's own. */
function faults(
  declarations,
  { dependency = '', entry = "import * as p from './index.js';\nexport const e = p;\n" } = {},
) {
  writeFileSync(join(folder, 'index.d.ts'), declarations);
  writeFileSync(join(folder, 'dep.d.ts'), dependency);
  return faultsIn({
    ts,
    options,
    files: [join(folder, 'index.d.ts')],
    entry,
    entryPath: join(folder, 'entry.ts'),
    root: folder,
  });
}

test('it is the TypeScript that tslab carries', () => {
  assert.match(ts.version, /^5\.0\./);
});

test('declarations that it understands have no fault', () => {
  const good = `import { Base } from './dep.js';
    /** f(x) = x */
    export declare function f<T extends Base>(x: Float32Array, y?: readonly T[]): IterableIterator<number>;
    export declare class C<const K extends string = string> { #hidden; constructor(); get size(): number; [Symbol.dispose](): void }
    export type Mapped<T> = { [P in keyof T as \`on\${P & string}\`]: T[P] extends infer U ? U : never };
    export type Pair = [first: number, second?: string, ...rest: boolean[]];
    export declare function isPair(x: unknown): x is Pair;
    export declare function assertPair(x: unknown): asserts x is Pair;
    export declare abstract class D extends C<'k'> implements Base { name: string; chain(): this; abstract at(i: Pair[0]): typeof version; }
    export type Made = InstanceType<abstract new () => D> & { readonly id: bigint };
    export type First<T extends readonly unknown[]> = T extends [infer H extends string, ...infer _] ? H : undefined | null;
    export declare const lazy: Promise<typeof import('./dep.js')>;
    export declare const version = "1";
    export {};`;
  assert.deepEqual(faults(good, { dependency: 'export interface Base { name: string; loose?: any }' }), []);
});

test('a typed array with a type argument, which would be any there', () => {
  const [fault, ...others] = faults(
    'export declare const a: number;\nexport declare function f(): Float32Array<ArrayBuffer>;\n',
  );
  assert.match(fault, /^index\.d\.ts:2:\d+: Type 'Float32Array' is not generic/);
  assert.deepEqual(others, []);
});

test('syntax that is newer', () => {
  const found = faults(
    "import type { Base } from './dep.js' with { 'resolution-mode': 'import' };\nexport type A = Base;\n",
  );
  assert.match(found[0], /^index\.d\.ts:1:\d+: /);
});

test('a built-in type that is newer', () => {
  assert.match(
    faults('export declare function f<T>(x: NoInfer<T>): T;')[0],
    /index\.d\.ts:1:\d+: Cannot find name 'NoInfer'/,
  );
});

test('a type that is any because of a dependency, where our own file has no error', () => {
  const found = faults("import { Values } from './dep.js';\nexport interface Row {\n  values: Values;\n}\n", {
    dependency: 'export type Values = Uint8Array<ArrayBuffer>;',
  });
  assert.deepEqual(found, ['index.d.ts:3:11: Values is `any` here']);
});

test('any that the newer compiler wrote', () => {
  assert.deepEqual(faults('export declare const f: (x: number) => any;'), [
    'index.d.ts:1:40: any is `any` here',
  ]);
});

test('a module that cannot be resolved, in a declaration and in a cell', () => {
  assert.match(faults("export { x } from 'no-such-package';")[0], /Cannot find module 'no-such-package'/);
  const entry = "import * as p from './nowhere.js';\nexport const e = p;\n";
  assert.match(
    faults('export declare const a: number;', { entry })[0],
    /^entry\.ts:1:20: Cannot find module/,
  );
});
