export { dataFolder } from './data-folder.js';
export { type ExamineOptions, examine, type Finding } from './sources/examine.js';
export { type GetOptions, getSource } from './sources/get.js';
export { type Presence, type Source, sourceOf, sources } from './sources/registry.js';
export type { Verdict } from './sources/verify.js';
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
