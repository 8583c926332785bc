/** A table's rows as ratios, and whether the targets hold. */
import { type Quartiles, quartiles } from "./quantile.ts"
import { ours, type Row, type Table, type Target } from "./table.ts"

export interface Judged {
  readonly name: string
  readonly ratio: Quartiles
  readonly value: Quartiles
  readonly verdicts: ReadonlyArray<Verdict>
}

export interface Verdict {
  readonly target: Target
  readonly holds: boolean
}

/** Round by round where there are as many of each: what made a round slow made it slow for both. */
const ratios = ({ values }: Row, base: Row | undefined): ReadonlyArray<number> => {
  if (base === undefined) return [NaN]
  if (values.length === base.values.length) return values.map((value, round) => value / (base.values[round] ?? NaN))
  const { median } = quartiles(base.values)
  return values.map((value) => value / median)
}

const holds = ({ atLeast = -Infinity, atMost = Infinity }: Target, measured: number): boolean =>
  measured >= atLeast && measured <= atMost

export const judge = ({ base, rows, targets }: Table): ReadonlyArray<Judged> => {
  const first = rows.find(({ name }) => name === base)
  return rows.map((row) => {
    const ratio = quartiles(ratios(row, first))
    const value = quartiles(row.values)
    const verdicts = targets
      .filter((target) => (target.row ?? ours) === row.name)
      .map((target) => ({ target, holds: holds(target, (target.of === "value" ? value : ratio).median) }))
    return { name: row.name, ratio, value, verdicts }
  })
}
