export { type Cifar10Set, cifar10Classes, type LoadCifar10Options, loadCifar10 } from './cifar10.js';
export { contactSheet, decodeImage, encodePng } from './decode.js';
export {
  type FolderImage,
  type ImageFolder,
  type ImageFolderOptions,
  imageEndings,
  openImageFolder,
} from './folder.js';
export { type LoadMnistOptions, loadMnist, type MnistSet } from './mnist.js';
export { type Filter as ResizeFilter, type Image, resize as resizeImage } from './resize.js';
export {
  crop as cropImage,
  flip as flipImage,
  type RandomResizedCropOptions,
  randomResizedCrop,
  resizeAndCrop,
} from './transforms.js';
export { type ImageView, readImages } from './views.js';
