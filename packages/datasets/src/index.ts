export { dataFolder } from './dataFolder.js';
export { type LoadUeaOptions, loadUea, loadUeaSplit, type UeaSet } from './loadUea.js';
export { type ParseTsOptions, parseTs, type TimeSeriesCase, type TimeSeriesSet } from './parseTs.js';
export { type PreparedSet, type PreparedSplit, preprocess } from './preprocess.js';
export { type DatasetEntry, type DatasetName, datasets, type Split, type SplitFacts } from './registry.js';
