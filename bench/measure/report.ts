/** What becomes of what a bench found. */
import { mkdirSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { keep } from "./options.ts"
import { text } from "./print.ts"
import type { Kept, Report } from "./table.ts"

/** The folder of what the page is made of. */
export const kept = join(import.meta.dirname, "../../docs/performance")

const rounded = (value: number): number => Number(value.toPrecision(5))

/** Prints a report, and with `--keep` puts it where the page is made of it. */
export const report = (found: Report): void => {
  process.stdout.write(text(found))
  if (!keep) return
  const tables = found.tables.map((table) => ({
    ...table,
    rows: table.rows.map(({ name, values }) => ({ name, values: values.map(rounded) }))
  }))
  const machine = { cores: availableParallelism(), architecture: process.arch, node: process.versions.node }
  mkdirSync(kept, { recursive: true })
  const whole: Kept = { ...found, tables, machine }
  writeFileSync(join(kept, `${found.bench}.json`), `${JSON.stringify(whole, null, 2)}\n`)
}
