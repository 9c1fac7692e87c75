/** What a number measures. */
export interface Measure {
  /** Such as `accuracy`. */
  readonly name: string;
  /** Such as `%`; empty for a number without a unit. */
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** Digits behind the point that the paper prints. */
  readonly digits: number;
}

/** A row or a column. */
export interface Heading {
  /** As the paper prints it, or as close to that as is known. */
  readonly name: string;
  /** Number of test cases behind each accuracy in it. */
  readonly testCases?: number;
}

/** A column also says what stands in it. */
export interface ColumnHeading extends Heading {
  readonly measure: Measure;
}

/** A number that the paper prints, with the deviation behind its plus-minus sign where there is one. */
export interface PrintedValue {
  readonly value: number;
  readonly deviation?: number;
}

/** What a reader must know: about some rows, some columns or some cells, or, without any, about the whole table. */
export interface TableNote {
  readonly rows?: readonly string[];
  readonly columns?: readonly string[];
  readonly cells?: readonly (readonly [row: string, column: string])[];
  readonly text: string;
}

/** Where a printed number is known from. */
export interface Source {
  readonly title: string;
  /** Repository and file. */
  readonly where: string;
  /** `primary`: the authors' own; `secondary`: through somebody else's hands. */
  readonly trust: 'primary' | 'secondary';
}

/** One table of the paper. */
export interface PaperTable {
  /** Name in cells and in the report's files: `table1`, `table4-time`. */
  readonly key: string;
  /** Name in print: `Table 4, time`. */
  readonly number: string;
  readonly title: string;
  readonly caption: string;
  /** What the rows are, such as `data set`. */
  readonly rowTitle: string;
  readonly columnTitle: string;
  readonly rows: readonly Heading[];
  readonly columns: readonly ColumnHeading[];
  /** One list for each row, in it one number for each column. */
  readonly values: readonly (readonly PrintedValue[])[];
  /** The rows' or the columns' last one is the average of the others. */
  readonly average?: 'rows' | 'columns';
  /** Rows that the paper does not have and experiments may; they are shown where one of them does. */
  readonly additions?: readonly Heading[];
  /** Rows that repeat a column of another table, under the names that they have there. */
  readonly repeats?: readonly { readonly table: string; readonly column: string; readonly row: string }[];
  /** What the bars of a figure are grouped by. */
  readonly figure: 'rows' | 'columns';
  readonly notes: readonly TableNote[];
  readonly sources: readonly Source[];
  /** Why a cell has no result when nobody gives a better reason. */
  readonly missing: string;
}

/** The name of the row or column of averages. */
export const averageName = 'average';
