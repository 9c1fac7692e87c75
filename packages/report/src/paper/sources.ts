import type { Source } from './paper-table.js';

/** The authors' pictures of their tables, of an earlier numbering. */
export const pictures: Source = {
  title: 'pictures of the tables in the official repository',
  where: 'yingyichen-cyy/PrimalAttention, pics/',
  trust: 'primary',
};

/** The authors' conference poster. */
export const poster: Source = {
  title: 'the conference poster',
  where: 'yingyichen-cyy/Primal-Attention, resrc/poster.pdf',
  trust: 'primary',
};

/** The only source at hand for some numbers; where it could be checked against the pictures, it agreed. */
export const translation: Source = {
  title: 'a Korean machine translation of the paper’s second version',
  where: 'SKN33-4thProject-Team2/Paper_Scholar',
  trust: 'secondary',
};
