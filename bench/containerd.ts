/**
 * `/bin/true` from creation to result and the pull of 200 MB in 5 layers, on each containerd, against its own `ctr`.
 *
 * Usage: npm run bench -- containerd [containerd16 containerd17 containerd21] [--rounds 15] [--pulls 5]
 */
import { Effect, ManagedRuntime, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs, promisify } from "node:util"
import { suite } from "../scripts/engines/home.ts"
import { archive, makeImage, push } from "../scripts/engines/image.ts"
import { type Engine, start } from "../scripts/engines/start.ts"
import { row } from "../scripts/engines/table.ts"
import { print, race } from "./race.ts"

const execute = promisify(execFile)

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "15" }, pulls: { type: "string", default: "5" } }
})
const names = positionals.length === 0 ? ["containerd16", "containerd17", "containerd21"] : positionals

const megabyte = 1024 * 1024

/** Bytes that no compression makes fewer. */
const large = async (registry: string): Promise<string> => {
  const layers = Array.from({ length: 5 }, (_, n) => ({ [`data/${n}`]: randomBytes(40 * megabyte) }))
  await push(await makeImage({ layers }), registry, "large:1")
  return `${registry}/large:1`
}

const bench = async (name: string, engine: Engine, reference: string, registry: string): Promise<void> => {
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
        name: "ctr run --rm",
        run: async () => {
          const id = `ctr-${count++}`
          await ctr("run", "--rm", "--fifo-dir", fifos, "docker.io/library/busybox:test", id, "/bin/true")
        }
      },
      { name: "Container.run", run: () => runtime.runPromise(Effect.asVoid(Container.run(job))) }
    ], Number(values.rounds))
    print(`${name}: run of /bin/true`, runs)

    const gone = async () => {
      await ctr("images", "rm", "--sync", reference)
      for (let tries = 0; tries < 100; tries++) {
        const { stdout } = await ctr("content", "ls", "-q")
        if (stdout.split("\n").length < 8) return
        await sleep(100)
      }
    }
    const pulls = await race([
      {
        name: "ctr images pull",
        before: gone,
        run: async () => {
          await ctr("images", "pull", "--plain-http", reference)
        }
      },
      {
        name: "Image.pull",
        before: gone,
        run: () => runtime.runPromise(Stream.runDrain(Image.pull(reference)))
      }
    ], Number(values.pulls))
    print(`${name}: pull of 200 MB in 5 layers`, pulls)
    await gone()
  } finally {
    await runtime.dispose()
  }
}

const engines = await start([...names, "registry"])
try {
  const registry = engines.registries["registry"] ?? ""
  const reference = await large(registry)
  for (const name of names) {
    const engine = engines.engines[name]
    if (engine !== undefined) await bench(name, engine, reference, registry)
  }
} finally {
  await engines.stop()
}
