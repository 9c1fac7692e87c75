import { basename, join, relative } from 'node:path';
import { fileNames, findForm, type UeaForm, ueaForms } from '../uea/forms.js';
import type { DatasetEntry } from '../uea/registry.js';
import { type Finder, findParts, type Presence, type PresentFile } from './presence.js';

/** Where the release lies once it is unpacked: some copies have its folder twice. */
const released = (path: string): string[] => [`lra_release/${path}`, `lra_release/lra_release/${path}`];

const releasedListops = (split: string): string => `listops-1000/basic_${split}.tsv`;
const releasedRetrieval = (split: string): string => `tsv_data/new_aan_pairs.${split}.tsv`;
const releasedPathfinder = 'pathfinder32/curv_contour_length_14/';

const mnistFiles = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
] as const;

function wikitext(number: 2 | 103): Finder {
  const folder = `wikitext/wikitext-${number}`;
  return findParts(
    ['train', 'valid', 'test'].map((split) => ({
      name: split,
      places: [`${folder}/wiki.${split}.tokens`, `${folder}/wikitext-${number}-v1.zip`],
    })),
  );
}

/**
 * Where each set is looked for, in the order in which its loader does. Apart from the registry of sources, which needs the loaders:
 * the loaders' cache needs these.
 */
export const finders = {
  listops: findParts(
    ['train', 'val', 'test'].map((split) => ({
      name: split,
      places: [`lra/listops/basic_${split}.tsv`, ...released(releasedListops(split))],
    })),
  ),
  'listops-original': findParts(
    ['d20s', 'd20a'].map((set) => ({ name: set, places: [`lra/listops/listops_test_${set}.tsv`] })),
  ),
  text: findParts(
    ['train', 'test'].map((split) => ({
      name: split,
      places: [
        `lra/text_imdb/aclImdb/${split}/`,
        `lra/text_imdb/aclImdb_${split}.tar`,
        'lra/text_imdb/aclImdb_v1.tar',
      ],
    })),
  ),
  retrieval: findParts(
    ['train', 'eval', 'test'].map((split) => ({
      name: split,
      places: [`lra/retrieval/new_aan_pairs.${split}.tsv`, ...released(releasedRetrieval(split))],
    })),
  ),
  image: findParts([
    {
      name: 'train and test',
      places: ['lra/image_cifar10/cifar-10-batches-bin/', 'lra/image_cifar10/cifar-10-binary.tar'],
    },
  ]),
  pathfinder: findParts([
    {
      name: 'images and labels',
      places: [`lra/${releasedPathfinder}`, ...released(releasedPathfinder)],
    },
  ]),
  'lra-release': findParts([
    ...['train', 'val', 'test'].map((split) => ({
      name: `ListOps ${split}`,
      places: released(releasedListops(split)),
    })),
    ...['train', 'eval', 'test'].map((split) => ({
      name: `Retrieval ${split}`,
      places: released(releasedRetrieval(split)),
    })),
    { name: 'Pathfinder', places: released(releasedPathfinder) },
  ]),
  'wikitext-2': wikitext(2),
  'wikitext-103': wikitext(103),
  mnist: findParts(mnistFiles.map((file) => ({ name: file, places: [`mnist/${file}`] }))),
  'cifar10-folder': findParts([
    { name: 'test images', places: ['lra/image_cifar10/cifar10_test_5000_png.tar'] },
  ]),
  'imagenet-100': findParts([
    { name: 'train', places: ['imagenet-100/train/'] },
    { name: 'val', places: ['imagenet-100/val/'] },
  ]),
} as const satisfies Record<string, Finder>;

/** A UEA set in the first form that is complete. */
export async function findUea(entry: DatasetEntry, folder: string, only?: UeaForm): Promise<Presence> {
  for (const form of only ? [only] : ueaForms) {
    const found = await findForm(entry, form, ['train', 'test'], folder);
    if (!found) continue;
    const files = new Map<string, PresentFile>();
    for (const { path } of [...found.values()].flat()) {
      const place = entry.bundled ? join('uea', entry.name, basename(path)) : relative(folder, path);
      files.set(path, { path, place });
    }
    return { files: [...files.values()], missing: [], form };
  }
  const names = [...fileNames(entry, 'ts', 'train'), ...fileNames(entry, 'ts', 'test')];
  return { files: [], missing: names.map((name) => `uea/${entry.name}/${name}`) };
}
