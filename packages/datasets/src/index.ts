export { dataFolder } from './data-folder.js';
export { type LoadUeaOptions, loadUea, loadUeaSplit, type UeaSet } from './load-uea.js';
export { type ParseTsOptions, parseTs, type TimeSeriesCase, type TimeSeriesSet } from './parse-ts.js';
export { type PreparedSet, type PreparedSplit, preprocess } from './preprocess.js';
export { type DatasetEntry, type DatasetName, datasets, type Split, type SplitFacts } from './registry.js';
