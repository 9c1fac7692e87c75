import { join } from 'node:path';
import { findFile } from '../files.js';
import { openImageFolder } from '../images/folder.js';
import { loadMnist } from '../images/mnist.js';
import { loadWikitext, specials, Vocabulary, type WikitextSplit } from '../wikitext/index.js';
import type { Checksum } from './checksum.js';
import { finders } from './finders.js';
import type { Source, SourceDownload } from './registry.js';
import { sizesOf } from './sizes.js';

const torchtext = (value: string): Checksum => ({
  algorithm: 'md5',
  value,
  from: 'torchtext, not the publisher',
});

function wikitext(number: 2 | 103, use: string, md5: string, limit: number): Source {
  const folder = `wikitext/wikitext-${number}`;
  return {
    name: `wikitext-${number}`,
    title: `WikiText-${number}, word level`,
    use,
    terms: 'CC BY-SA 3.0 and GFDL (text of Wikipedia); Merity et al. 2016.',
    page: 'https://huggingface.co/datasets/Salesforce/wikitext',
    find: finders[`wikitext-${number}`],
    downloads: [
      {
        // The author's own server; the first address (s3.amazonaws.com/research.metamind.io) is no longer served.
        url: `https://wikitext.smerity.com/wikitext-${number}-v1.zip`,
        place: `${folder}/wikitext-${number}-v1.zip`,
        limit,
        checksum: torchtext(md5),
      },
    ],
    countsParts: true,
    count: async (root) => {
      const set = `wikitext-${number}` as const;
      const splits = await presentSplits(set, root);
      // Any vocabulary will do to count.
      const text = await loadWikitext({ set, folder: root, splits, vocabulary: new Vocabulary(specials) });
      const counts = splits.map((split) => `${text.splits[split]!.length.toLocaleString('en')} (${split})`);
      return `tokens: ${counts.join(', ')}`;
    },
  };
}

async function presentSplits(set: 'wikitext-2' | 'wikitext-103', folder: string): Promise<WikitextSplit[]> {
  const present: WikitextSplit[] = [];
  for (const split of ['train', 'valid', 'test'] as const) {
    if (await findFile(join(folder, 'wikitext', set), `wiki.${split}.tokens`)) present.push(split);
  }
  return present;
}

function mnist(file: string, md5: string): SourceDownload {
  return {
    // Where torchvision takes the files from: yann.lecun.com, the original source, no longer serves them.
    url: `https://ossci-datasets.s3.amazonaws.com/mnist/${file}.gz`,
    place: `mnist/${file}.gz`,
    limit: 2e7,
    checksum: { algorithm: 'md5', value: md5, from: 'torchvision, as once published at yann.lecun.com' },
  };
}

const mnistFiles = {
  'train-images-idx3-ubyte': 'f68b3c2dcbeaaa9fbdd348bbdeb94873',
  'train-labels-idx1-ubyte': 'd53e105ee54ea40749a09fcbcd1e9432',
  't10k-images-idx3-ubyte': '9fb629c4189551a2d022fa330f9573f3',
  't10k-labels-idx1-ubyte': 'ec29112dd5afa0611ce80d1b7f02629c',
};

/** Sets of later tables. */
export const otherSources: readonly Source[] = [
  wikitext(2, 'tests of the WikiText pipeline', '542ccefacc6c27f945fb54453812b3cd', 2e7),
  wikitext(103, 'language modelling', '9ddaacaf6af0710eda8c456decff7832', 1e9),
  {
    name: 'mnist',
    title: 'MNIST',
    use: 'examples',
    terms: 'Usually given as CC BY-SA 3.0; LeCun, Cortes, Burges.',
    page: 'http://yann.lecun.com/exdb/mnist/',
    find: finders.mnist,
    downloads: Object.entries(mnistFiles).map(([file, md5]) => mnist(file, md5)),
    count: async (folder) => {
      const set = await loadMnist({ folder });
      return `${sizesOf(set)} images, ${set.classes.length} classes`;
    },
  },
  {
    name: 'cifar10-folder',
    title: '5,000 test images of CIFAR-10, as a folder of PNG files',
    use: 'tests of image folders',
    terms: 'As CIFAR-10.',
    page: 'https://github.com/cyizhuo/CIFAR-10-dataset',
    find: finders['cifar10-folder'],
    downloads: [],
    byHand: 'only mirror folders have it: nothing but tests needs it',
    count: async (folder) => {
      const path = join(folder, 'lra', 'image_cifar10', 'cifar10_test_5000_png.tar.gz');
      const { images, classes } = await openImageFolder(path, { inside: 'test' });
      return `${images.length.toLocaleString('en')} images, ${classes.length} classes`;
    },
  },
  {
    name: 'imagenet-100',
    title: 'ImageNet-100, as a folder of images',
    use: 'ImageNet tables',
    terms: "ImageNet's terms of access: non-commercial research, after signing up.",
    page: 'https://www.image-net.org/download.php',
    find: finders['imagenet-100'],
    downloads: [],
    byHand:
      'ImageNet asks everybody to sign up: fetch ILSVRC2012 there and put the 100 classes of IN100.txt ' +
      '(github.com/danielchyeh/ImageNet-100-Pytorch) into imagenet-100/train/CLASS/ and imagenet-100/val/CLASS/',
    count: async (folder) => {
      const train = await openImageFolder(join(folder, 'imagenet-100', 'train'));
      const { images } = await openImageFolder(join(folder, 'imagenet-100', 'val'), {
        classes: train.classes,
      });
      return `${train.images.length} / ${images.length} images, ${train.classes.length} classes`;
    },
  },
];
