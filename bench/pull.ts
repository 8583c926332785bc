/**
 * A pull of 200 MB in 5 layers from a registry on this machine: on Docker by each client, on each containerd against its own
 * `ctr`.
 *
 * Usage: npm run bench -- pull [docker containerd16 containerd17 containerd21] [--rounds 9]
 */
import { Stream } from "effect"
import { Image } from "effect-containers"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { makeImage, push } from "../scripts/engines/image.ts"
import { type Engine, type Engines, start } from "../scripts/engines/start.ts"
import { counts, names as given } from "./measure/options.ts"
import { race, type Raced, rows, timed } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { withContainerd } from "./stage/containerd.ts"
import { cli } from "./stage/contenders.ts"
import { dockerOf } from "./stage/docker.ts"
import { stage } from "./stage/stage.ts"

const execute = promisify(execFile)

const defaults = { rounds: 9 }
const { rounds } = counts(defaults)
const names = given(["docker", "containerd16", "containerd17", "containerd21"], defaults)

const megabyte = 1024 * 1024

/** Bytes that no compression makes fewer. */
const large = async (registry: string): Promise<string> => {
  const layers = Array.from({ length: 5 }, (_, n) => ({ [`data/${n}`]: randomBytes(40 * megabyte) }))
  await push(await makeImage({ layers }), registry, "large:1")
  return `${registry}/large:1`
}

const table = (name: string, base: string, raced: ReadonlyArray<Raced<"time">>, atMost: number): Table => ({
  title: `A pull of 200 MB on ${name}`,
  quantity: "time until the result",
  unit: "ms",
  base,
  rows: rows(raced, "time"),
  targets: [{ atMost }]
})

const onDocker = async (engines: Engines, reference: string): Promise<Table> => {
  const docker = await dockerOf(engines)
  const staged = stage()
  const program = await cli()
  const before = () => docker.ask("DELETE", `/images/${reference}?force=1`)
  const contenders = []
  for (const [name, way] of Object.entries({ raw: "raw", [ours]: "ours", dockerode: "dockerode" })) {
    const worker = await employ(staged, "rivals/pull", [docker.host, way, reference])
    contenders.push({
      name,
      before,
      run: async () => {
        const { time, value } = await worker.call<number>("pull")
        if (value === 0) throw new Error(`${name} was told nothing`)
        return { time }
      },
      end: () => worker.end()
    })
  }
  const byCli = () => timed(() => execute(program, ["-H", docker.host, "pull", reference]))
  const raced = await race([...contenders, { name: "docker CLI", before, run: byCli }], rounds)
  for (const { end } of contenders) await end()
  return table("Docker", "raw", raced, 1.02)
}

const onContainerd = (name: string, engine: Engine, reference: string, registry: string): Promise<Table> =>
  withContainerd(name, engine, async ({ call, runtime }) => {
    const gone = async () => {
      await call("images", "rm", "--sync", reference)
      for (let tries = 0; tries < 100; tries++) {
        const { stdout } = await call("content", "ls", "-q")
        if (stdout.split("\n").length < 8) return
        await sleep(100)
      }
    }
    const raced = await race([
      { name: "ctr", before: gone, run: () => timed(() => call("images", "pull", "--plain-http", reference)) },
      { name: ours, before: gone, run: () => timed(() => runtime.runPromise(Stream.runDrain(Image.pull(reference)))) }
    ], rounds)
    return table(name, "ctr", raced, name === "containerd21" ? 1.05 : 1.1)
  }, registry)

const engines = await start([...names, "registry"])
try {
  const registry = engines.registries["registry"] ?? ""
  const reference = await large(registry)
  const tables: Array<Table> = []
  for (const name of names) {
    const engine = engines.engines[name]
    if (engine === undefined) throw new Error(`there is no ${name}`)
    tables.push(
      name === "docker" ? await onDocker(engines, reference) : await onContainerd(name, engine, reference, registry)
    )
  }
  report({
    bench: "pull",
    title: "A pull",
    how:
      "200 MB in 5 layers, from a registry on this machine; what is there of them is removed before each. On Docker the engine "
      + "pulls, and each client reads what it tells; on containerd the client does, against `ctr images pull`.",
    tables
  })
} finally {
  await engines.stop()
}
