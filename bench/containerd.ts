/**
 * `/bin/true` from creation to result and the pull of 200 MB in 5 layers, on each containerd, against its own `ctr`.
 *
 * Usage: npm run bench -- containerd [containerd16 containerd17 containerd21] [--rounds 15] [--pulls 5]
 */
import { ManagedRuntime, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { suite } from "../scripts/engines/home.ts"
import { archive, makeImage, push } from "../scripts/engines/image.ts"
import { type Engine, start } from "../scripts/engines/start.ts"
import { row } from "../scripts/engines/table.ts"
import { counts, names as given } from "./measure/options.ts"
import { race, rows, timed } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"

const execute = promisify(execFile)

const defaults = { rounds: 15, pulls: 5 }
const { pulls, rounds } = counts(defaults)
const names = given(["containerd16", "containerd17", "containerd21"], defaults)

const megabyte = 1024 * 1024

/** Bytes that no compression makes fewer. */
const large = async (registry: string): Promise<string> => {
  const layers = Array.from({ length: 5 }, (_, n) => ({ [`data/${n}`]: randomBytes(40 * megabyte) }))
  await push(await makeImage({ layers }), registry, "large:1")
  return `${registry}/large:1`
}

const bench = async (
  name: string,
  engine: Engine,
  reference: string,
  registry: string
): Promise<ReadonlyArray<Table>> => {
  const is = row(name)
  const { client } = engine
  if (client === undefined || is?.kind !== "containerd") throw new Error(`${name} is no containerd`)
  const address = engine.host.replace("unix://", "")
  const program = join(await suite(is.suite), "usr/bin/ctr")
  const fifos = join(client.folder, "ctr")
  mkdirSync(fifos, { recursive: true })
  const ctr = (...args: ReadonlyArray<string>) => execute(program, ["-a", address, "-n", client.namespace, ...args])
  const runtime = ManagedRuntime.make(Containerd.layer({
    address,
    namespace: client.namespace,
    folder: client.folder,
    network: "none",
    registries: { hosts: { [registry]: { plainHttp: true } } }
  }))
  try {
    await runtime.runPromise(Image.fromArchive(Stream.make(archive(await makeImage(), ["busybox:test"]))))
    const job = Container.make("busybox:test").pipe(Container.pull("never"), Container.command(["/bin/true"]))
    let count = 0
    const runs = await race([
      {
        name: "ctr",
        run: () =>
          timed(() => {
            const id = `ctr-${count++}`
            return ctr("run", "--rm", "--fifo-dir", fifos, "docker.io/library/busybox:test", id, "/bin/true")
          })
      },
      { name: ours, run: () => timed(() => runtime.runPromise(Container.run(job))) }
    ], rounds)

    const gone = async () => {
      await ctr("images", "rm", "--sync", reference)
      for (let tries = 0; tries < 100; tries++) {
        const { stdout } = await ctr("content", "ls", "-q")
        if (stdout.split("\n").length < 8) return
        await sleep(100)
      }
    }
    const pulled = await race([
      { name: "ctr", before: gone, run: () => timed(() => ctr("images", "pull", "--plain-http", reference)) },
      { name: ours, before: gone, run: () => timed(() => runtime.runPromise(Stream.runDrain(Image.pull(reference)))) }
    ], pulls)
    await gone()
    const table = (what: string, raced: typeof runs, atMost: number): Table => ({
      title: `${what} on ${name}`,
      quantity: "time until the result",
      unit: "ms",
      base: "ctr",
      rows: rows(raced, "time"),
      targets: [{ atMost }]
    })
    return [
      table("A run of /bin/true", runs, 0.9),
      table("A pull of 200 MB", pulled, name === "containerd21" ? 1.05 : 1.1)
    ]
  } finally {
    await runtime.dispose()
  }
}

const engines = await start([...names, "registry"])
try {
  const registry = engines.registries["registry"] ?? ""
  const reference = await large(registry)
  const tables: Array<Table> = []
  for (const name of names) {
    const engine = engines.engines[name]
    if (engine !== undefined) tables.push(...await bench(name, engine, reference, registry))
  }
  report({
    bench: "containerd",
    title: "containerd without Docker",
    how:
      "`/bin/true` from creation to result, and a pull of 200 MB in 5 layers from a registry on this machine, against the "
      + "engine's own `ctr`.",
    tables
  })
} finally {
  await engines.stop()
}
