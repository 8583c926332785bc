/**
 * Container engines for trying things by hand; tests start their own.
 *
 *   node scripts/engines.ts up docker registry    start them and leave them running
 *   node scripts/engines.ts down                  stop them, leave nothing
 *   node scripts/engines.ts list                  what is running
 *   node scripts/engines.ts left                  fails if anything is left of engines that nobody holds any more
 *   node scripts/engines.ts image FILE [NAME]     write the test image's archive (busybox:test)
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { EnginesError, runFolder } from "./engines/home.ts"
import { archive, makeImage } from "./engines/image.ts"
import { left } from "./engines/left.ts"
import { type Engines, start } from "./engines/start.ts"
import { names } from "./engines/table.ts"

const instance = "kept"
const stateFile = () => join(runFolder(), `${instance}.json`)

type State = Pick<Engines, "engines" | "registries" | "authorities" | "machine" | "keeper">

const alive = (pid: number | undefined): pid is number => {
  try {
    return pid !== undefined && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("keeper.ts")
  } catch {
    return false
  }
}

const running = (): State | undefined => {
  if (!existsSync(stateFile())) return undefined
  const state = JSON.parse(readFileSync(stateFile(), "utf8")) as State
  return alive(state.keeper) ? state : undefined
}

const print = (state: Partial<State>): void => {
  for (const [name, { address, client, host }] of Object.entries(state.engines ?? {})) {
    const more = Object.entries(client ?? {}).map(([key, value]) => ` ${key}=${value}`)
    process.stdout.write(`${name} socket=${host} address=${address}${more.join("")}\n`)
  }
  for (const [name, address] of Object.entries(state.registries ?? {})) {
    const ca = state.authorities?.[name]
    const more = name === "registry-auth" ? " user=user password=secret" : ca === undefined ? "" : ` ca=${ca}`
    process.stdout.write(`${name} address=${address}${more}\n`)
  }
}

const up = async (wanted: ReadonlyArray<string>): Promise<void> => {
  const before = running()
  if (before !== undefined) {
    const has = { ...before.engines, ...before.registries }
    const missing = wanted.filter((name) => !(name in has))
    if (missing.length > 0) {
      throw new EnginesError(
        `${Object.keys(has).join(", ")} run already without ${
          missing.join(", ")
        }: \`down\` first, then \`up\` with all.`
      )
    }
    return print(before)
  }
  const { authorities, engines, keeper, machine, registries } = await start(wanted, { keep: instance })
  const state: State = { engines, registries, authorities, machine, keeper }
  if (keeper !== undefined) writeFileSync(stateFile(), JSON.stringify(state))
  print(state)
}

const down = async (): Promise<void> => {
  const state = running()
  if (state?.keeper !== undefined) {
    process.kill(state.keeper, "SIGTERM")
    for (let tries = 0; alive(state.keeper); tries++) {
      if (tries === 400) throw new EnginesError(`process ${state.keeper} does not end`)
      await sleep(50)
    }
  }
  rmSync(stateFile(), { force: true })
  process.stdout.write(state === undefined ? "nothing was running\n" : "stopped\n")
}

const reportLeft = async (): Promise<void> => {
  const found = await left()
  if (found.length > 0) throw new EnginesError(`left behind:\n${found.join("\n")}`)
  process.stdout.write("nothing is left: no process, mount, network, cgroup or folder\n")
}

const writeImage = async (file: string, name: string): Promise<void> => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, archive(await makeImage(), [name]))
}

const [command, ...rest] = process.argv.slice(2)

const main = async (): Promise<void> => {
  if (command === "up" && rest.length > 0) return up(rest)
  if (command === "down") return down()
  if (command === "list") return print(running() ?? {})
  if (command === "left") return reportLeft()
  if (command === "image" && rest[0] !== undefined) return writeImage(rest[0], rest[1] ?? "busybox:test")
  throw new EnginesError(
    `usage: engines.ts up NAME... | down | list | left | image FILE [NAME]\nengines: ${names.join(", ")}`
  )
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof EnginesError ? error.message : String(error)}\n`)
  process.exitCode = 1
})
