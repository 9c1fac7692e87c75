export { type LoadTextOptions, loadText, type TextSet } from './load.js';
