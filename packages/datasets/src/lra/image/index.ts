export {
  type GreyRounding,
  type ImageSet,
  imageTask,
  type LoadImageOptions,
  loadImage,
  toGrey,
} from './load.js';
