export { applyOperator, type Evaluated, evaluate, type ListOpsTree, parseTree } from './evaluate.js';
export { type ListOpsSettings, lraListOps, originalListOps } from './generate.js';
export {
  type GenerateListOpsOptions,
  generateExpressions,
  generateListOps,
  type ListOpsExpression,
  type ListOpsRows,
  type ListOpsSet,
  listOpsRows,
} from './make.js';
export { type LoadListOpsOptions, loadListOps, type ReadListOpsOptions, readListOps } from './read.js';
export { type ListOpsStatistics, listOpsStatistics, type Summary } from './statistics.js';
export { detokenize, ExpressionError, operatorNames, tokenize, tokenTypes } from './tokens.js';
