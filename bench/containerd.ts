/**
 * `/bin/true` from creation to result on each containerd, against its own `ctr` and Docker's command line; and the pull of
 * 200 MB in 5 layers, against `ctr`.
 *
 * Usage: npm run bench -- containerd [containerd16 containerd17 containerd21] [--rounds 15] [--pulls 5]
 */
import { Stream } from "effect"
import { Container, Image } from "effect-containers"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { makeImage, push } from "../scripts/engines/image.ts"
import { type Engine, load, start } from "../scripts/engines/start.ts"
import { counts, names as given } from "./measure/options.ts"
import { race, type Raced, rows, timed } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"
import { image } from "./rivals/contender.ts"
import { archived, type Staged, withContainerd } from "./stage/containerd.ts"
import { cli } from "./stage/contenders.ts"

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

const table = (title: string, raced: ReadonlyArray<Raced<"time">>, atMost: number): Table => ({
  title,
  quantity: "time until the result",
  unit: "ms",
  base: "ctr",
  rows: rows(raced, "time"),
  targets: [{ atMost }]
})

const job = Container.make(image).pipe(Container.pull("never"), Container.command(["/bin/true"]))

let count = 0

const runs = ({ call, run, runtime }: Staged, docker: () => Promise<unknown>) =>
  race([
    { name: "ctr", run: () => timed(() => call(...run, `ctr-${count++}`, "/bin/true")) },
    { name: ours, run: () => timed(() => runtime.runPromise(Container.run(job))) },
    { name: "docker CLI", run: () => timed(docker) }
  ], rounds)

const pulled = async ({ call, runtime }: Staged, reference: string) => {
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
  ], pulls)
  await gone()
  return raced
}

const bench = (
  name: string,
  engine: Engine,
  docker: () => Promise<unknown>,
  reference: string,
  registry: string
): Promise<ReadonlyArray<Table>> =>
  withContainerd(name, engine, async (staged) => [
    table(`A run of /bin/true on ${name}`, await runs(staged, docker), 0.9),
    table(`A pull of 200 MB on ${name}`, await pulled(staged, reference), name === "containerd21" ? 1.05 : 1.1)
  ], registry)

const program = await cli()
const engines = await start([...names, "docker", "registry"])
try {
  const registry = engines.registries["registry"] ?? ""
  const reference = await large(registry)
  const docker = engines.engines["docker"]
  if (docker === undefined) throw new Error("there is no Docker")
  await load(docker, await archived())
  const byDocker = () =>
    execute(program, ["run", "--rm", image, "/bin/true"], { env: { ...process.env, DOCKER_HOST: docker.host } })
  const tables: Array<Table> = []
  for (const name of names) {
    const engine = engines.engines[name]
    if (engine !== undefined) tables.push(...await bench(name, engine, byDocker, reference, registry))
  }
  report({
    bench: "containerd",
    title: "containerd without Docker",
    how:
      "`/bin/true` from creation to result, against the engine's own `ctr run --rm` and against `docker run --rm` on the Docker "
      + "that the other benches use; and a pull of 200 MB in 5 layers from a registry on this machine, against `ctr images "
      + "pull`.",
    tables
  })
} finally {
  await engines.stop()
}
