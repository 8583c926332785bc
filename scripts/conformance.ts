/**
 * Runs the conformance suite against the engines that are named: `npm run conformance -- docker memory`. `all` is every
 * engine that there is, one after the other, and writes docs/conformance.md. Further arguments that start with a dash go
 * to Vitest, such as `-t "exit code"`, with what follows them.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { page, read, table } from "./conformance/page.ts"
import { names, row, rows } from "./engines/table.ts"

const given = process.argv.slice(2)
const dash = given.findIndex((argument) => argument.startsWith("-"))
const engines = dash === -1 ? given : given.slice(0, dash)
const further = dash === -1 ? [] : given.slice(dash)
const isEngine = (name: string) =>
  ["docker", "podman", "containerd", "buildkit", "swarm"].includes(row(name)?.kind ?? "")
const unknown = engines.filter((name) => name !== "memory" && name !== "all" && !isEngine(name))
if (unknown.length > 0) {
  const known = names.filter(isEngine)
  process.stderr.write(`No engine is called ${unknown.join(", ")}: there are all, memory, ${known.join(", ")}.\n`)
  process.exit(1)
}

const run = (engines: ReadonlyArray<string>, environment: Readonly<Record<string, string>>): number =>
  spawnSync("vitest", ["run", "test/conformance", ...further], {
    stdio: "inherit",
    env: {
      ...process.env,
      ...environment,
      ...engines.length === 0 ? {} : { EFFECT_CONTAINERS_ENGINES: engines.join(" ") }
    }
  }).status ?? 1

if (engines.includes("all")) {
  const folder = mkdtempSync(join(tmpdir(), "effect-containers-conformance-"))
  try {
    // Each by itself: together they would be in each other's way.
    const every = [...Object.keys(rows).filter(isEngine), "memory"]
    for (const name of every) {
      if (run([name], { EFFECT_CONTAINERS_REPORT: folder }) !== 0) process.exitCode = 1
    }
    const reports = read(folder, every)
    const file = join(import.meta.dirname, "../docs/conformance.md")
    writeFileSync(file, page(reports))
    spawnSync("dprint", ["fmt", file], { stdio: "ignore" })
    process.stdout.write(table(reports))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
} else process.exitCode = run(engines, {})
