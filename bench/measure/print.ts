/** A report as lines for a terminal. */
import { judge, type Verdict } from "./judge.ts"
import type { Quartiles } from "./quantile.ts"
import type { Report, Table, Target } from "./table.ts"

/** A number with as many places as tell something. */
export const number = (value: number): string =>
  !Number.isFinite(value)
    ? "-"
    : Number.isInteger(value) || Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en")
    : value.toFixed(Math.abs(value) >= 10 ? 1 : 2)

const ratio = (value: number): string =>
  !Number.isFinite(value) ? "-" : value >= 100 ? number(Math.round(value)) : value.toFixed(2)

/** Middle value and quartiles; what no round changes is just that. */
export const spread = ({ high, low, median }: Quartiles, show = number): string =>
  low === high ? show(median) : `${show(median)} (${show(low)} to ${show(high)})`

export const ratios = (value: Quartiles): string => spread(value, ratio)

export const words = ({ atLeast, atMost, of }: Target, unit: string): string => {
  const show = (limit: number) => of === "value" ? `${number(limit)}${unit === "" ? "" : ` ${unit}`}` : ratio(limit)
  return [
    ...atMost === undefined ? [] : [`at most ${show(atMost)}`],
    ...atLeast === undefined ? [] : [`at least ${show(atLeast)}`]
  ].join(", ")
}

export const verdict = ({ holds, target }: Verdict, unit: string): string =>
  `${words(target, unit)}: ${holds ? "holds" : "MISSED"}`

const table = (shown: Table): string => {
  const judged = judge(shown)
  const width = Math.max(...judged.map(({ name }) => name.length))
  const column = Math.max(...judged.map(({ ratio }) => ratios(ratio).length))
  const lines = judged.map(({ name, ratio, value, verdicts }) => {
    const measured = `${spread(value)}${shown.unit === "" ? "" : ` ${shown.unit}`}`
    const held = verdicts.map((one) => `   [${verdict(one, shown.unit)}]`).join("")
    return `  ${ratios(ratio).padEnd(column)}  ${name.padEnd(width)}  ${measured}${held}\n`
  })
  return `\n${shown.title}: ${shown.quantity}, ratio to ${shown.base} first\n${lines.join("")}`
}

export const text = ({ tables, title }: Report): string => `\n${title}\n${tables.map(table).join("")}`
