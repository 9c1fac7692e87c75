/**
 * The path of an archive's member, as `a/b/c` below the folder that it is unpacked into; a leading `./` and a trailing `/` go.
 *
 * Refused: absolute paths, drive letters, backslashes, `..`, NUL and control characters, and a path of nothing. A member with
 * such a path is no mistake of a packer: it is refused and not repaired.
 */
export function safePath(path: string, fail: (reason: string) => never): string {
  const shown = JSON.stringify(path.length > 120 ? `${path.slice(0, 120)}…` : path);
  const refuse = (reason: string): never =>
    fail(`the archive has a member ${shown}, ${reason}: refused, do not use this archive`);
  if ([...path].some((letter) => letter < ' ' || letter === '\x7f'))
    refuse('whose name has control characters');
  if (path.includes('\\')) refuse('whose name has a backslash');
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) refuse('an absolute path');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) refuse('which would leave the folder that it is unpacked into');
  if (parts.length === 0) refuse('whose name is empty');
  return parts.join('/');
}
