export { dataFolder } from './data-folder.js';
export { type LoadUeaOptions, loadUea, loadUeaSplit, type UeaSet } from './uea/load-uea.js';
export { type ParseTsOptions, parseTs, type TimeSeriesCase, type TimeSeriesSet } from './uea/parse-ts.js';
export { type PreparedSet, type PreparedSplit, preprocess } from './uea/preprocess.js';
export {
  type DatasetEntry,
  type DatasetName,
  datasets,
  type Split,
  type SplitFacts,
} from './uea/registry.js';
