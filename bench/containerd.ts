/**
 * `/bin/true` from creation to result on each containerd, against its own `ctr` and Docker's command line.
 *
 * Usage: npm run bench -- containerd [containerd16 containerd17 containerd21] [--rounds 15]
 */
import { Container } from "effect-containers"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { load, start } from "../scripts/engines/start.ts"
import { counts, names as given } from "./measure/options.ts"
import { race, type Raced, rows, timed } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"
import { image } from "./rivals/contender.ts"
import { archived, type Staged, withContainerd } from "./stage/containerd.ts"
import { cli } from "./stage/contenders.ts"

const execute = promisify(execFile)

const defaults = { rounds: 15 }
const { rounds } = counts(defaults)
const names = given(["containerd16", "containerd17", "containerd21"], defaults)

const table = (name: string, raced: ReadonlyArray<Raced<"time">>): Table => ({
  title: `A run of /bin/true on ${name}`,
  quantity: "time until the result",
  unit: "ms",
  base: "ctr",
  rows: rows(raced, "time"),
  targets: [{ atMost: 0.9 }]
})

const job = Container.make(image).pipe(Container.pull("never"), Container.command(["/bin/true"]))

let count = 0

const runs = ({ call, run, runtime }: Staged, docker: () => Promise<unknown>) =>
  race([
    { name: "ctr", run: () => timed(() => call(...run, `ctr-${count++}`, "/bin/true")) },
    { name: ours, run: () => timed(() => runtime.runPromise(Container.run(job))) },
    { name: "docker CLI", run: () => timed(docker) }
  ], rounds)

const program = await cli()
const engines = await start([...names, "docker"])
try {
  const docker = engines.engines["docker"]
  if (docker === undefined) throw new Error("there is no Docker")
  await load(docker, await archived())
  const byDocker = () =>
    execute(program, ["run", "--rm", image, "/bin/true"], { env: { ...process.env, DOCKER_HOST: docker.host } })
  const tables: Array<Table> = []
  for (const name of names) {
    const engine = engines.engines[name]
    if (engine === undefined) throw new Error(`there is no ${name}`)
    tables.push(await withContainerd(name, engine, async (staged) => table(name, await runs(staged, byDocker))))
  }
  report({
    bench: "containerd",
    title: "containerd without Docker",
    how:
      "`/bin/true` from creation to result, against the engine's own `ctr run --rm` and against `docker run --rm` on the Docker "
      + "that the other benches use.",
    tables
  })
} finally {
  await engines.stop()
}
