import { Buffer } from 'node:buffer';

/** The files of {@link sampleTarXz}; they also make good samples for other archives. */
export const sampleFiles: Readonly<Record<string, string>> = {
  'a.txt': 'one',
  'b/c.txt': 'x'.repeat(1500),
  'b/empty': '',
  [`${'folder/'.repeat(30)}ä.txt`]: 'far',
};

/** `writeTar` of them, packed by xz 5 with CRC32: nothing here can pack xz. */
export const sampleTarXz: Buffer = Buffer.from(
  '/Td6WFoAAAFpIt42AgAhARwAAAAQz1jM4Bn/AK1dADCLiofEDvKXpPh1PcWwIO5e6YCIUtPsibeF6c7ETdVchz7ih/ogve7/XSTPz8brQzDSquM8ZnM8el/0nX2Mw08ULibUtXTAb+dim3jB7SdBLfN0npcs4e+bg2fGydwaLy6JXFdJ4nHN+0qX/v1mxnNq489FC4Um2aQKAkkdI+zVx3K0OyU73NDCfXG6t8vFG9fRAbsS4mPOEWxE4IoDT9dsoQ1GbnSakAwN6pQAAAAAACh27y4AAcUBgDQAAB2JK3E+MA2LAgAAAAABWVo=',
  'base64',
);
