/** What a Plotly figure is made of: plain JSON, so never NaN, undefined or a typed array. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A Plotly trace of a type that {@link renderSvg} can draw without a browser. */
export interface Trace {
  type: 'scatter' | 'bar' | 'heatmap';
  [key: string]: Json;
}

/** A Plotly figure, as `Plotly.newPlot(div, figure)` takes it. */
export interface Figure {
  data: Trace[];
  layout: { width: number; height: number; [key: string]: Json };
  config: { [key: string]: Json };
}

/** An axis. */
export interface AxisOptions {
  /** What it shows: `Test accuracy`. */
  title: string;
  /** Its unit, set behind the title in parentheses: `%`. */
  unit?: string;
  /** A logarithmic scale; values that are not positive become gaps. */
  log?: boolean;
  /** From and to, in the data's own numbers also on a logarithmic scale. */
  range?: [from: number, to: number];
}

/** Size in CSS pixels. */
export interface FigureSize {
  /** Default 720. */
  width?: number;
  /** Default 420. */
  height?: number;
}
