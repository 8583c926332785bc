/**
 * Runs the conformance suite against the engines that are named: `npm run conformance -- docker memory`. Further
 * arguments that start with a dash go to Vitest, such as `-t "exit code"`, with what follows them.
 */
import { spawnSync } from "node:child_process"
import { names, row } from "./engines/table.ts"

const given = process.argv.slice(2)
const dash = given.findIndex((argument) => argument.startsWith("-"))
const engines = dash === -1 ? given : given.slice(0, dash)
const isEngine = (name: string) => ["docker", "podman", "containerd", "buildkit"].includes(row(name)?.kind ?? "")
const unknown = engines.filter((name) => name !== "memory" && !isEngine(name))
if (unknown.length > 0) {
  const known = names.filter(isEngine)
  process.stderr.write(`No engine is called ${unknown.join(", ")}: there are memory, ${known.join(", ")}.\n`)
  process.exit(1)
}
const { status } = spawnSync("vitest", ["run", "test/conformance", ...dash === -1 ? [] : given.slice(dash)], {
  stdio: "inherit",
  env: { ...process.env, ...engines.length === 0 ? {} : { EFFECT_CONTAINERS_ENGINES: engines.join(" ") } }
})
process.exitCode = status ?? 1
