/** What a bench found, as data: of it are made the lines on the terminal, the page and its plots. */

/** The name under which this library is a row. */
export const ours = "effect-containers"

export interface Row {
  readonly name: string
  /** In order of the rounds, so that a ratio is taken within each of them; or one that no round changes. */
  readonly values: ReadonlyArray<number>
}

export interface Target {
  /** Which row is held to it. Default: this library's. */
  readonly row?: string | undefined
  /** `ratio` to the base's row, or the `value` itself, in the table's unit. Default `ratio`. */
  readonly of?: "ratio" | "value" | undefined
  readonly atMost?: number | undefined
  readonly atLeast?: number | undefined
}

export interface Table {
  /** Unlike any other of the report. */
  readonly title: string
  /** What is measured, such as `time until the result`. */
  readonly quantity: string
  /** Such as `ms` or `MB/s`; empty for what is counted. */
  readonly unit: string
  /** The row to which the ratios are. */
  readonly base: string
  readonly rows: ReadonlyArray<Row>
  readonly targets: ReadonlyArray<Target>
  /** What there is to know about it, as Markdown. */
  readonly note?: string | undefined
}

export interface Report {
  /** The program of `bench/` by which it was made. */
  readonly bench: string
  readonly title: string
  /** How it was measured, and what against, as Markdown. */
  readonly how: string
  readonly tables: ReadonlyArray<Table>
}

/** A report with where it was made. */
export interface Kept extends Report {
  readonly machine: { readonly cores: number; readonly architecture: string; readonly node: string }
}
