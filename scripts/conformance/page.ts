/**
 * What the conformance suite found out about each engine, as a page and as a table for a terminal.
 */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** What `test/conformance` writes of an engine. */
export interface Report {
  readonly engine: string
  readonly version: string
  readonly refuses: ReadonlyArray<string>
  readonly ways: ReadonlyArray<string>
  readonly cases: ReadonlyArray<{ readonly group: string; readonly name: string; readonly passed: boolean }>
}

/** An engine that has written nothing did not come as far as its first case. */
export const read = (folder: string, engines: ReadonlyArray<string>): ReadonlyArray<Report> =>
  engines.map((engine) => {
    const path = join(folder, `${engine}.json`)
    return existsSync(path)
      ? JSON.parse(readFileSync(path, "utf8")) as Report
      : { engine, version: "did not start", refuses: [], ways: [], cases: [] }
  })

const escaped = (text: string) => text.replaceAll("|", "\\|")

const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

const lines = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")

/** In the order of whoever has the case first. */
const casesOf = (reports: ReadonlyArray<Report>): ReadonlyMap<string, ReadonlySet<string>> => {
  const groups = new Map<string, Set<string>>()
  for (const { cases } of reports) {
    for (const { group, name } of cases) groups.set(group, (groups.get(group) ?? new Set()).add(name))
  }
  return groups
}

const mark = ({ cases }: Report, group: string, name: string): string => {
  const found = cases.find((one) => one.group === group && one.name === name)
  return found === undefined ? "-" : found.passed ? "yes" : "**no**"
}

const counts = ({ cases }: Report) => {
  const passed = cases.filter(({ passed }) => passed).length
  return { passed, failed: cases.length === 0 ? 1 : cases.length - passed }
}

export const isPassed = (report: Report): boolean => counts(report).failed === 0

/** Of what is the same for several engines, who they are. */
const byWay = (reports: ReadonlyArray<Report>): ReadonlyArray<ReadonlyArray<string>> =>
  [...new Set(reports.flatMap(({ ways }) => ways))].map((way) => [
    way,
    reports.flatMap(({ engine, ways }) => ways.includes(way) ? [engine] : []).join(", ")
  ])

export const page = (reports: ReadonlyArray<Report>): string =>
  [
    "# Conformance",
    "One list of cases holds for every engine. This page is written by `npm run conformance -- all`, which starts each of the "
    + "engines and runs the list against it. A case about something that an engine cannot do passes when asking for it is "
    + "refused as `Unsupported`, naming the engine, and leaves nothing; what is refused is in the table. `-`: not asked.",
    "A `buildkit` is a containerd for which the BuildKit inside of that Docker builds, and it is asked for builds alone. "
    + "What is `rootless` belongs to a user who is not root, as does the program that asks it.",
    lines(
      ["Engine", "Is", "Cases", "Failed", "Refuses"],
      reports.map((report) => {
        const { failed } = counts(report)
        return [report.engine, report.version, String(report.cases.length), String(failed), report.refuses.join(", ")]
      })
    ),
    "Some engines have ways of their own that no client can mend. There the list asks for these, and not for everybody's.",
    lines(["Way", "Of"], byWay(reports)),
    ...[...casesOf(reports)].map(([group, names]) =>
      [
        `## ${group}`,
        lines(
          ["Case", ...reports.map(({ engine }) => engine)],
          [...names].map((name) => [escaped(name), ...reports.map((report) => mark(report, group, name))])
        )
      ].join("\n\n")
    )
  ].join("\n\n") + "\n"

/** How many of a group passed, and of how many if that is not all. */
const share = ({ cases }: Report, group: string): string => {
  const own = cases.filter((one) => one.group === group)
  const passed = own.filter(({ passed }) => passed).length
  return own.length === 0 ? "-" : passed === own.length ? String(passed) : `${passed}/${own.length}`
}

/** Groups of cases by engine, and the cases that do not pass everywhere; the last line counts. */
export const table = (reports: ReadonlyArray<Report>): string => {
  const all = reports.map((report) => ({ report, ...counts(report) }))
  const engines = all.map(({ failed, passed, report }, n) =>
    `${String(n + 1).padStart(3)} ${report.engine.padEnd(22)} ${report.version.padEnd(24)} `
    + `${passed} passed, ${failed} failed\n`
    + report.cases.filter(({ passed }) => !passed).map(({ group, name }) => `    failed: ${group}: ${name}\n`).join("")
  )
  const groups = [...casesOf(reports).keys()]
  const wide = Math.max(0, ...groups.map((group) => group.length))
  const row = (head: string, cells: ReadonlyArray<string>) =>
    `${head.padEnd(wide)} ${cells.map((cell) => cell.padStart(6)).join("")}\n`
  const cases = all.reduce((sum, { failed, passed }) => sum + failed + passed, 0)
  const failures = all.reduce((sum, { failed }) => sum + failed, 0)
  return [
    ...engines,
    "\n",
    row("", reports.map((_, n) => String(n + 1))),
    ...groups.map((group) => row(group, reports.map((report) => share(report, group)))),
    `\n${cases} cases, ${failures} failures\n`
  ].join("")
}
