import { Buffer } from 'node:buffer';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { archiveMembers } from '../archives/index.js';

/** One image of a folder. */
export interface FolderImage {
  /** Below the folder, with `/`. */
  readonly path: string;
  /** Index into `classes`. */
  readonly label: number;
  /** For messages. */
  readonly where: string;
  /** The file's bytes. */
  read(): Promise<Buffer>;
}

/** A folder of images, a folder for each class. */
export interface ImageFolder {
  /** Names of the class folders, in the order of their UTF-16 code units: `10`, `2`, `B`, `a`. */
  readonly classes: readonly string[];
  /** Class by class, in each by path, in the same order. */
  readonly images: readonly FolderImage[];
  /** Images of each class. */
  readonly counts: readonly number[];
}

/** Options of {@link openImageFolder}. */
export interface ImageFolderOptions {
  /**
   * Classes in the order of their labels, as of the training folder; other folders are then an error. Default: those that are
   * there.
   */
  classes?: readonly string[];
  /** A class without images is an error (`refuse`, default), or has a count of 0 (`keep`). */
  emptyClasses?: 'refuse' | 'keep';
  /** In an archive: the folder in it that holds the class folders, such as `test`. Default: the archive's top. */
  inside?: string;
}

/** Endings of the files that are read, in any case; other files are passed over. */
export const imageEndings = ['.jpeg', '.jpg', '.png', '.webp', '.gif', '.tif', '.tiff'] as const;

/**
 * Lists an image folder in the form of ImageNet: `FOLDER/CLASS/…/NAME.jpeg`. Or a tar or zip archive of such a folder, whose images are
 * then held in memory, still encoded.
 *
 * Hidden entries (`.ipynb_checkpoints`, `.DS_Store`) are passed over, at every level, and files beside the class folders. A link
 * counts as what it leads to, but one that leads to a folder it lies in is passed over.
 *
 * @throws Error if there is no class, a class has no image (unless it may), or classes are not those that were asked for
 */
export async function openImageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const fail = (message: string): never => {
    throw new Error(`openImageFolder: ${path}: ${message}`);
  };
  const found = (await stat(path)).isDirectory()
    ? await listFolder(path)
    : await listArchive(path, options.inside);
  const here = [...found.keys()].sort(byCodeUnits);
  if (here.length === 0) fail('there is no class folder; expected FOLDER/CLASS/IMAGE');
  const classes = options.classes ?? here;
  const unknown = here.filter((name) => !classes.includes(name));
  if (unknown.length > 0) fail(`classes that are not expected: ${unknown.slice(0, 5).join(', ')}`);
  const empty = classes.filter((name) => (found.get(name)?.length ?? 0) === 0);
  if (empty.length > 0 && (options.emptyClasses ?? 'refuse') === 'refuse') {
    fail(
      `no image for the classes ${empty.slice(0, 5).join(', ')} (files end in ${imageEndings.join(', ')}); ` +
        "to keep them with a count of 0 pass { emptyClasses: 'keep' }",
    );
  }
  const images = classes.flatMap((name, label) =>
    (found.get(name) ?? []).sort((a, b) => byCodeUnits(a.path, b.path)).map((image) => ({ ...image, label })),
  );
  return { classes, images, counts: classes.map((name) => found.get(name)?.length ?? 0) };
}

type Listed = Omit<FolderImage, 'label'>;

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const isHidden = (name: string): boolean => name.startsWith('.');
const isImage = (name: string): boolean => imageEndings.some((ending) => name.toLowerCase().endsWith(ending));

async function listFolder(root: string): Promise<Map<string, Listed[]>> {
  const found = new Map<string, Listed[]>();
  const rootPath = await realpath(root);
  for (const name of await readdir(root)) {
    if (isHidden(name)) continue;
    const images = await filesBelow(join(root, name), name, [rootPath]);
    if (images) found.set(name, images);
  }
  return found;
}

/** The images below a folder; undefined if it is none, or a link that leads to one of `above` or to what holds it. */
async function filesBelow(
  folder: string,
  name: string,
  above: readonly string[],
): Promise<Listed[] | undefined> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) return undefined;
  const real = await realpath(folder);
  if (above.some((other) => other === real || other.startsWith(real.endsWith(sep) ? real : real + sep))) {
    return undefined;
  }
  const images: Listed[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (isHidden(entry.name)) continue;
    const path = join(folder, entry.name);
    const below = `${name}/${entry.name}`;
    if (!isImage(entry.name) || entry.isDirectory()) {
      if (entry.isFile()) continue;
      images.push(...((await filesBelow(path, below, [...above, real])) ?? []));
    } else if (entry.isFile() || (await stat(path).catch(() => undefined))?.isFile()) {
      images.push({ path: below, where: path, read: () => readFile(path) });
    }
  }
  return images;
}

async function listArchive(path: string, inside = ''): Promise<Map<string, Listed[]>> {
  const found = new Map<string, Listed[]>();
  const prefix = inside === '' ? '' : `${inside.replace(/\/+$/, '')}/`;
  for await (const member of archiveMembers(path)) {
    if (!member.path.startsWith(prefix)) continue;
    const below = member.path.slice(prefix.length);
    const parts = below.split('/');
    if (parts.length < 2 || parts.some(isHidden) || !isImage(below)) continue;
    const bytes = Buffer.from(await member.bytes());
    const images = found.get(parts[0]) ?? [];
    images.push({ path: below, where: member.where, read: async () => bytes });
    found.set(parts[0], images);
  }
  return found;
}
