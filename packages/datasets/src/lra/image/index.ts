export { type GreyRounding, type ImageSet, type LoadImageOptions, loadImage, toGrey } from './load.js';
