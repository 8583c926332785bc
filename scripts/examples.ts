/**
 * Runs the examples, all or those that are named: `npm run example -- services pipeline`. Those that run on any engine run
 * on a Docker and on a containerd, or on the one that `--engine` names, each a private one that has the images busybox:test
 * and, where an example needs it, postgres:test.
 * Ends with 1 if one of them fails.
 */
import { Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { parseArgs } from "node:util"
import { EnginesError } from "./engines/home.ts"
import { archive, makeImage } from "./engines/image.ts"
import { makePostgres } from "./engines/postgres.ts"
import { type Engine, load, start } from "./engines/start.ts"
import { row } from "./engines/table.ts"

/** Whether an example takes whatever engine it is given. */
const isForAny = (file: string): boolean => readFileSync(file, "utf8").includes("\"./engine.ts\"")

const all = ["filesystem", "pipeline", "quickstart", "services", "spawner", "testing-with-memory"]

const { positionals, values } = parseArgs({ allowPositionals: true, options: { engine: { type: "string" } } })
const unknown = positionals.filter((name) => !all.includes(basename(name, ".ts")))
const chosen = all.filter((name) => positionals.length === 0 || positionals.includes(name))
  .map((name) => `examples/${name}.ts`)

/** Whether an example needs a database. */
const isWithDatabase = (file: string): boolean => readFileSync(file, "utf8").includes("\"./database.ts\"")

const image = "busybox:test"
const database = "postgres:test"

/** How a containerd is reached, as an example reads it. */
const containerdAt = ({ client, host }: Engine): Containerd.ContainerdConfig => ({
  address: host,
  namespace: client?.namespace,
  folder: client?.folder,
  cni: { plugins: client?.cni, bridge: client?.bridge, subnet: client?.subnet, pool: client?.pool },
  builder: "buildah",
  buildah: client?.buildah
})

/** How a Swarm is reached, and its nodes. */
const swarmAt = ({ host, nodes = [] }: Engine, registry: string | undefined) => ({
  host,
  registry: `${registry}/nodes`,
  nodes: Object.fromEntries(nodes.map(({ name, socket }) => [name, { host: `unix://${socket}` }]))
})

const main = async (): Promise<void> => {
  if (unknown.length > 0) {
    throw new EnginesError(`No example is called ${unknown.join(", ")}: there are ${all.join(", ")}.`)
  }
  const wanted = values.engine === undefined ? ["docker", "containerd"] : [values.engine]
  const { engines, registries, stop } = await start([...new Set(["docker", ...wanted]), "registry"])
  let failed = 0
  let count = 0
  const run = (file: string, environment: Readonly<Record<string, string | undefined>>) => {
    count++
    const { signal, status } = spawnSync(process.execPath, [file], {
      stdio: ["ignore", "inherit", "inherit"],
      timeout: 180_000,
      env: { ...process.env, QUICKSTART_IMAGE: image, POSTGRES_IMAGE: database, ...environment }
    })
    if (status === 0) return
    failed++
    process.stderr.write(`${file} ended with ${signal ?? status}\n`)
  }
  try {
    const archives = [
      archive(await makeImage(), [image]),
      ...chosen.some(isWithDatabase) ? [archive(await makePostgres(), [database])] : []
    ]
    for (const [name, engine] of Object.entries(engines)) {
      const config = containerdAt(engine)
      for (const bytes of archives) {
        if (row(name)?.kind !== "containerd") await load(engine, bytes)
        else {
          await Effect.runPromise(
            Effect.provide(Image.fromArchive(Stream.make(new Uint8Array(bytes))), Containerd.layer(config))
          )
        }
      }
    }
    for (const file of chosen) {
      if (!isForAny(file)) {
        process.stdout.write(`\n# ${file}\n`)
        run(file, {
          DOCKER_HOST: engines["docker"]?.host,
          EFFECT_CONTAINERS_TEST_REGISTRY: registries["registry"]
        })
        continue
      }
      for (const name of wanted) {
        const engine = engines[name]
        if (engine === undefined) throw new EnginesError(`no ${name} was started`)
        process.stdout.write(`\n# ${file}, on ${name}\n`)
        run(file, {
          ENGINE: JSON.stringify(
            row(name)?.kind === "containerd"
              ? { _tag: "Containerd", ...containerdAt(engine) }
              : row(name)?.kind === "swarm"
              ? { _tag: "Swarm", ...swarmAt(engine, registries["registry"]) }
              : { _tag: "Docker", host: engine.host, publishedHost: engine.address }
          )
        })
      }
    }
  } finally {
    await stop()
  }
  process.stdout.write(`\nexamples: ${count - failed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof EnginesError ? error.message : String(error)}\n`)
  process.exitCode = 1
})
