/**
 * `docs/performance.md` and its plots, made of what the benches have kept. The same data gives the same page.
 */
import { execFileSync } from "node:child_process"
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { judge } from "../measure/judge.ts"
import { number, ratios, spread, verdict } from "../measure/print.ts"
import { kept } from "../measure/report.ts"
import type { Kept, Table } from "../measure/table.ts"
import { plot } from "./plot.ts"

/** As whoever reads the page wants to know it: what a run costs, what flows through it, what else there is. */
const sequence = [
  "run",
  "many",
  "scale",
  "cold",
  "demux",
  "attach",
  "slow",
  "text",
  "progress",
  "pull",
  "context",
  "containerd",
  "containerd-logs",
  "embedded",
  "warm",
  "observe",
  "soak",
  "swarm",
  "swarm-waiting",
  "size"
]

export const order = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const place = (name: string) => sequence.includes(name) ? sequence.indexOf(name) : sequence.length
  return names.toSorted((a, b) => place(a) - place(b) || a.localeCompare(b))
}

const picture = (bench: string, index: number): string => `${bench}${index === 0 ? "" : `-${index + 1}`}.svg`

const cell = (text: string): string => text.replaceAll("|", "\\|")

const grid = (rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  rows.map((row, n) => {
    const line = `| ${row.map(cell).join(" | ")} |\n`
    return n === 0 ? `${line}|${row.map(() => " --- |").join("")}\n` : line
  }).join("")

const roundsOf = ({ rows }: Table): string => {
  const rounds = Math.max(...rows.map(({ values }) => values.length))
  return rounds > 1 ? `${rounds} rounds` : ""
}

const tableOf = (table: Table): string =>
  grid([
    [
      roundsOf(table),
      `ratio to ${table.base}`,
      `${table.quantity}${table.unit === "" ? "" : `, ${table.unit}`}`,
      "target"
    ],
    ...judge(table).map(({ name, ratio, value, verdicts }) => [
      name,
      ratios(ratio),
      spread(value),
      verdicts.map((one) => verdict(one, table.unit)).join("; ")
    ])
  ])

const section = (found: Kept): string =>
  `## ${found.title}

${found.how}

    npm run bench -- ${found.bench}

${
    found.tables.map((table, index) =>
      `### ${table.title}

![${table.title}: ${table.quantity}](performance/${picture(found.bench, index)})

${tableOf(table)}
${table.note === undefined ? "" : `${table.note}\n\n`}`
    ).join("")
  }`

/** Each target in a line, so that nobody has to look for the one that is missed. */
const summary = (all: ReadonlyArray<Kept>): string =>
  grid([
    ["bench", "what", "row", "target", "measured", ""],
    ...all.flatMap(({ bench, tables }) =>
      tables.flatMap((table) =>
        judge(table).flatMap(({ name, ratio, value, verdicts }) =>
          verdicts.map((one) => {
            const [words, holds] = verdict(one, table.unit).split(": ")
            const { median } = one.target.of === "value" ? value : ratio
            return [`\`${bench}\``, table.title, name, words ?? "", number(median), holds ?? ""]
          })
        )
      )
    )
  ])

const machines = (all: ReadonlyArray<Kept>): string =>
  [...new Set(all.map(({ machine }) => `${machine.cores} cores of ${machine.architecture}, Node ${machine.node}`))]
    .join("; ")

/** Written by hand, by whoever looked for it with a profiler. */
const missed = readFileSync(join(import.meta.dirname, "missed.md"), "utf8")

/** The page, as Markdown. */
export const page = (all: ReadonlyArray<Kept>): string =>
  `# Performance

The engine takes most of a run's time, so a client is judged by what it adds: requests, processor time, copies, memory, the
time until it has been loaded; and by the ways that only it has.

This page was made by the programs of \`bench/\`, from the data beside its pictures; only why targets are missed is
written by hand. Each of them runs this library and others in turn, in the same run on the same machine (here ${
    machines(all)
  }). What counts is the ratio, which
is taken within each round: the middle one, and in brackets the quartiles. The times and sizes say of which order they are,
on that machine, while it did other things too; nothing absolute is promised.

What each is measured against: *raw* is what \`node:http\` and \`node:net\` can do, written by hand for that one purpose,
without checks and without errors; dockerode, @docker/node-sdk and testcontainers are the packages of those names, as their own
documentation uses them; the CLI is Debian's \`docker\`. They are installed by the bench, in a cache of its own. the-moby-effect
is not on npm, so it cannot be among them.

## Targets

${summary(all)}
${missed}
${all.map(section).join("\n")}`

const read = (): ReadonlyArray<Kept> => {
  const names = readdirSync(kept).filter((file) => file.endsWith(".json")).map((file) => file.replace(".json", ""))
  return order(names).map((name) => JSON.parse(readFileSync(join(kept, `${name}.json`), "utf8")) as Kept)
}

/** Writes the page and the plots, anew. */
export const writePage = (): void => {
  mkdirSync(kept, { recursive: true })
  const all = read()
  for (const old of globSync(join(kept, "*.svg"))) rmSync(old)
  for (const { bench, tables } of all) {
    tables.forEach((table, index) => writeFileSync(join(kept, picture(bench, index)), plot(table)))
  }
  const file = join(kept, "../performance.md")
  writeFileSync(file, page(all))
  execFileSync("dprint", ["fmt", file], { stdio: "inherit" })
}
