/**
 * The smallest `CompileOptionsProto`: executable build options (field 3) with device ordinal -1 (field 1, the default
 * device), one replica (field 4) and one partition (field 5).
 */
export function compileOptions(): Uint8Array {
  const minusOne = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
  const build = [0x08, ...minusOne, 0x20, 1, 0x28, 1];
  return Uint8Array.from([0x1a, build.length, ...build]);
}
