/**
 * Runs the conformance suite against the engines that are named: `npm run conformance -- docker memory`. `all` is every
 * engine of one machine, one after the other, and writes docs/conformance.md; `swarm` is a Swarm of one and of three nodes,
 * old and new, and `all swarm` is both. Further arguments that start with a dash go to Vitest, such as `-t "exit code"`,
 * with what follows them.
 *
 * With `EFFECT_CONTAINERS_REPORT` set to a directory, what each engine did is written there and stays. `all` then does not
 * run again what is there already, so that it goes on where it was interrupted.
 */
import { spawnSync } from "node:child_process"
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isPassed, page, read, table } from "./conformance/page.ts"
import { EnginesError, suite } from "./engines/home.ts"
import { start } from "./engines/start.ts"
import { commonSuite, names, row, rows } from "./engines/table.ts"
import * as User from "./engines/user.ts"
import { variable, variables } from "./engines/variables.ts"

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

const vitest = (
  engines: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>>,
  by: ReadonlyArray<string> = []
): number => {
  const [command = "", ...args] = [...by, "vitest", "run", "--configLoader", "native", "test/conformance", ...further]
  const named = engines.length === 0 ? {} : { EFFECT_CONTAINERS_ENGINES: engines.join(" ") }
  return spawnSync(command, args, { stdio: "inherit", env: { ...process.env, ...environment, ...named } }).status ?? 1
}

/** An engine of a user's is asked by the user, who can read this folder but write nothing in it. */
const vitestOfUser = async (name: string, environment: Readonly<Record<string, string>>): Promise<number> => {
  const started = await start([name, "registry", "registry-auth", "registry-tls"])
  try {
    const home = started.engines[name]?.home ?? ""
    // What an image is made of.
    const busybox = join(home, "busybox")
    copyFileSync(join(await suite(commonSuite), "usr/bin/busybox"), busybox)
    return vitest(
      [name],
      { ...environment, ...variables(started), ...User.variables(home), [variable("busybox")]: busybox },
      User.asUser
    )
  } finally {
    await started.stop()
  }
}

const isOfUser = (name: string) => row(name)?.rootless === true

const run = async (engines: ReadonlyArray<string>, environment: Readonly<Record<string, string>>): Promise<boolean> => {
  const shared = engines.filter((name) => !isOfUser(name))
  const codes = engines.length === 0 || shared.length > 0 ? [vitest(shared, environment)] : []
  for (const name of engines.filter(isOfUser)) {
    codes.push(
      await vitestOfUser(name, environment).catch((error: unknown) => {
        if (!(error instanceof EnginesError)) throw error
        process.stderr.write(`${error.message}\n`)
        return 1
      })
    )
  }
  return codes.every((code) => code === 0)
}

/** With managers to lose. */
const isForFaults = (name: string): boolean => {
  const is = row(name)
  return is?.kind === "swarm" && is.managers > 1
}

const swarms = Object.keys(rows).filter((name) => row(name)?.kind === "swarm" && !isForFaults(name))

/** With their alias taken apart. */
const withSwarms = (named: ReadonlyArray<string>) => named.flatMap((name) => name === "swarm" ? swarms : [name])

if (engines.includes("all")) {
  const kept = process.env["EFFECT_CONTAINERS_REPORT"]
  const folder = kept ?? mkdtempSync(join(tmpdir(), "effect-containers-conformance-"))
  mkdirSync(folder, { recursive: true })
  // Also a user's.
  chmodSync(folder, 0o777)
  try {
    const ofMachine = Object.keys(rows).filter((name) => isEngine(name) && row(name)?.kind !== "swarm")
    const besides = withSwarms(engines).filter((name) => row(name)?.kind === "swarm")
    const every = [...ofMachine, "memory", ...besides]
    // Each by itself: together they would be in each other's way.
    for (const name of every.filter((name) => !existsSync(join(folder, `${name}.json`)))) {
      await run([name], { EFFECT_CONTAINERS_REPORT: folder })
    }
    const reports = read(folder, every)
    const file = join(import.meta.dirname, "../docs/conformance.md")
    writeFileSync(file, page(reports))
    spawnSync("dprint", ["fmt", file], { stdio: "ignore" })
    process.stdout.write(table(reports))
    if (!reports.every(isPassed)) process.exitCode = 1
  } finally {
    if (kept === undefined) rmSync(folder, { recursive: true, force: true })
  }
} else {
  // They have the same addresses.
  const others = engines.filter((name) => row(name)?.kind !== "swarm")
  const alone = withSwarms(engines).filter((name) => row(name)?.kind === "swarm")
  if ((others.length > 0 || alone.length === 0) && !(await run(others, {}))) process.exitCode = 1
  for (const name of alone) if (!(await run([name], {}))) process.exitCode = 1
}
