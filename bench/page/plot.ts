/** A table as a picture that can be read by itself: bars of the ratios, their quartiles, and where the targets are. */
import { judge, type Judged } from "../measure/judge.ts"
import { number, words } from "../measure/print.ts"
import { ours, type Table } from "../measure/table.ts"

const width = 760
const labels = 190
const right = 190
const bars = width - labels - right
const step = 30
const top = 62

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("`", "")

/** Readable on a light and on a dark page: it has a ground of its own, and follows what the reader prefers. */
const style = `<style>
  svg { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 13px }
  .ground { fill: #ffffff; stroke: #d0d7de } text { fill: #1f2328 } .soft { fill: #59636e }
  .ours { fill: #0969da } .rival { fill: #9aa4af } .line { stroke: #1f2328 } .grid { stroke: #d0d7de }
  .target { stroke: #bc4c00 } .aim { fill: #bc4c00 } .title { font-weight: 600; font-size: 15px }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d } text { fill: #f0f6fc } .soft { fill: #9198a1 }
    .ours { fill: #4493f8 } .rival { fill: #656c76 } .line { stroke: #f0f6fc } .grid { stroke: #3d444d }
    .target { stroke: #f0883e } .aim { fill: #f0883e }
  }
</style>`

interface Scale {
  readonly at: (ratio: number) => number
  readonly marks: ReadonlyArray<number>
  readonly name: string
}

/** Where the ratios are of different orders, a bar that is twice as long is ten times as much, or so. */
const scaleOf = (values: ReadonlyArray<number>): Scale => {
  const finite = values.filter((value) => Number.isFinite(value) && value > 0)
  const [least, most] = [Math.min(1, ...finite), Math.max(1, ...finite)]
  if (most / least > 30) {
    const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))]
    const from = low === 0 ? -1 : low
    const marks = Array.from({ length: high - from + 1 }, (_, n) => 10 ** (from + n))
    return {
      at: (ratio) => labels + bars * Math.max(0, (Math.log10(ratio) - from) / (high - from)),
      marks,
      name: "ratio, on a logarithmic scale"
    }
  }
  const unit = [0.1, 0.2, 0.25, 0.5, 1, 2, 5].find((unit) => most * 1.08 / unit <= 6) ?? 10
  const end = Math.ceil(most * 1.08 / unit) * unit
  const marks = Array.from({ length: Math.round(end / unit) + 1 }, (_, n) => n * unit)
  return { at: (ratio) => labels + bars * Math.min(1, ratio / end), marks, name: "ratio" }
}

const places = (value: number): string => value >= 100 ? number(value) : Number(value.toFixed(2)).toString()

const bar = (table: Table, { name, ratio, value }: Judged, row: number, { at }: Scale): string => {
  const y = top + row * step
  const [from, to] = [at(0) > 0 ? Math.max(labels, at(0)) : labels, at(ratio.median)]
  const measured = `${places(ratio.median)}×  ${number(value.median)}${table.unit === "" ? "" : ` ${table.unit}`}`
  return `<text x="${labels - 8}" y="${y + 15}" text-anchor="end">${escape(name)}</text>
<rect class="${name.startsWith(ours) ? "ours" : "rival"}" x="${from}" y="${y + 3}" width="${
    Math.max(1, to - from).toFixed(1)
  }" height="16" rx="2"/>${
    ratio.low === ratio.high ? "" : `
<path class="line" fill="none" d="M${at(ratio.low).toFixed(1)} ${y + 11}H${at(ratio.high).toFixed(1)}M${
      at(ratio.low).toFixed(1)
    } ${y + 7}v8M${at(ratio.high).toFixed(1)} ${y + 7}v8"/>`
  }
<text x="${Math.max(to, at(ratio.high)) + 8}" y="${y + 15}">${escape(measured)}</text>`
}

const aims = (table: Table, judged: ReadonlyArray<Judged>, scale: Scale): string =>
  judged.flatMap(({ ratio, value, verdicts }, row) =>
    verdicts.map(({ target }) => {
      const limit = target.atMost ?? target.atLeast ?? NaN
      // A limit in the table's unit is put where that value's ratio is.
      const x = scale.at(target.of === "value" ? limit * ratio.median / value.median : limit).toFixed(1)
      const y = top + row * step
      return `<path class="target" stroke-width="2" d="M${x} ${y}v22"/>
<text class="aim" x="${width - 10}" y="${y + 15}" text-anchor="end">${escape(words(target, table.unit))}</text>`
    })
  ).join("\n")

/** An SVG. */
export const plot = (table: Table): string => {
  const judged = judge(table)
  const limits = judged.flatMap(({ ratio, value, verdicts }) =>
    verdicts.map(({ target }) => {
      const limit = target.atMost ?? target.atLeast ?? NaN
      return target.of === "value" ? limit * ratio.median / value.median : limit
    })
  )
  const scale = scaleOf([...judged.flatMap(({ ratio }) => [ratio.median, ratio.high]), ...limits])
  const bottom = top + judged.length * step
  const height = bottom + 46
  const grid = scale.marks.map((mark) => {
    const x = scale.at(mark).toFixed(1)
    return `<path class="grid" d="M${x} ${top - 4}V${bottom + 2}"/><text class="soft" x="${x}" y="${
      bottom + 18
    }" text-anchor="middle">${places(mark)}</text>`
  }).join("\n")
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escape(`${table.title}: ${table.quantity}`)}</title>
${style}
<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
<text class="title" x="16" y="25">${escape(table.title)}</text>
<text class="soft" x="16" y="44">${
    escape(`${table.quantity}${table.unit === "" ? "" : `, ${table.unit}`}; medians, with quartiles; ${table.base} = 1`)
  }</text>
${grid}
${judged.map((row, n) => bar(table, row, n, scale)).join("\n")}
${aims(table, judged, scale)}
<text class="soft" x="${labels + bars / 2}" y="${bottom + 36}" text-anchor="middle">${
    escape(`${scale.name} to ${table.base}`)
  }</text>
</svg>
`
}
