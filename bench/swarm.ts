/**
 * Jobs on a Swarm of three nodes, many at a time: how long one takes, what it asks the manager, and what memory the client
 * has, whatever their number; against the CLI in a loop of a shell.
 *
 * Usage: npm run bench -- swarm [--jobs 1000] [--at 32]
 */
import { setTimeout as sleep } from "node:timers/promises"
import { start } from "../scripts/engines/start.ts"
import { ask } from "../scripts/engines/swarm.ts"
import { counts } from "./measure/options.ts"
import { proxy } from "./measure/proxy.ts"
import { report } from "./measure/report.ts"
import { ours, type Row } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { cli } from "./stage/contenders.ts"
import { stage } from "./stage/stage.ts"
import { published } from "./stage/swarm.ts"

const { at, jobs } = counts({ jobs: 1000, at: 32 })

const sizes = [...new Set([10, Math.min(jobs, 100), jobs])].filter((size) => size <= jobs)
const of = (size: number) => `${ours}, ${size} jobs`
const command = ["echo", "hi"]
const loop = "docker service create"

const program = await cli()
const staged = stage()

/** How far the managers' log has come: everything that is new has its place in it. */
const place = async (socket: string): Promise<number> => {
  const { ID } = await ask(socket, "POST", "/services/create", {
    Name: "place",
    TaskTemplate: { ContainerSpec: { Image: "none" } },
    Mode: { ReplicatedJob: { TotalCompletions: 0 } }
  }) as { readonly ID: string }
  const { Version } = await ask(socket, "GET", `/services/${ID}`) as { readonly Version: { readonly Index: number } }
  await ask(socket, "DELETE", `/services/${ID}`)
  return Version.Index
}

const { engines, folder, registries, stop } = await start(["swarm28x3", "registry"])
try {
  const engine = engines["swarm28x3"]
  if (engine === undefined) throw new Error("there is no Swarm")
  const socket = engine.host.replace("unix://", "")
  const image = await published(engine, registries["registry"] ?? "")
  const settled = async () => {
    while ((await ask(socket, "GET", "/tasks") as ReadonlyArray<unknown>).length > 0) await sleep(20)
  }
  const between = await proxy(engine.host, `${folder}/count.sock`)
  const time: Array<Row> = []
  const asked: Array<Row> = []
  const memory: Array<Row> = []
  const flat: Array<Row> = []
  const heap: Array<Row> = []
  const written: Array<Row> = []
  const kinds = new Map<string, number>()
  for (const [name, module] of [[ours, "rivals/swarm"], [loop, "rivals/serviceLoop"]] as const) {
    const times: Array<number> = []
    const requests: Array<number> = []
    const peaks: Array<number> = []
    const entries: Array<number> = []
    for (const size of sizes) {
      const worker = await employ(staged, module, [between.host, program, image], { nodeOptions: ["--expose-gc"] })
      // Every node has the image, and each connection is there.
      await worker.call("many", 6, 3, command, "hi\n")
      await settled()
      between.requests()
      const before = await place(socket)
      const { time, value } = await worker.call("many", size, at, command, "hi\n")
      if (value !== size) throw new Error(`${name}: ${String(value)} of ${size} jobs wrote what they should`)
      await settled()
      const all = between.requests()
      if (name === ours && size === sizes.at(-1)) { for (const one of all) kinds.set(one, (kinds.get(one) ?? 0) + 1) }
      entries.push((await place(socket) - before - 1) / size)
      times.push(time / size)
      requests.push(all.length / size)
      peaks.push((await worker.usage()).peak)
      if (name === ours) {
        flat.push({ name: of(size), values: [time / size] })
        heap.push({ name: of(size), values: [(await worker.call<number>("heap")).value / 1048576] })
      }
      await worker.end()
    }
    time.push({ name, values: times })
    asked.push({ name, values: requests })
    written.push({ name, values: entries })
    if (name === ours) memory.push({ name, values: peaks })
  }
  between.stop()
  const largest = sizes.at(-1) ?? 0
  const base = of(sizes.at(-2) ?? largest)
  const targets = [{ row: of(largest), atMost: 1.1 }]
  report({
    bench: "swarm",
    title: `${sizes.join(", ")} jobs on a Swarm of three nodes, ${at} at a time`,
    how:
      "`echo hi` as a job: created, waited for, its output read, removed. The nodes are three dockerds on one machine, so "
      + "that what is measured is the Swarm and its client, not the machines. Against it, a loop in a shell: "
      + "`docker service create --mode replicated-job`, `docker service logs`, `docker service rm`, by `xargs -P`. Each number "
      + `of jobs (${sizes.join(", ")}) is a round, in a process of its own.`,
    tables: [
      {
        title: "Time per job",
        quantity: "time until all are done, by their number",
        unit: "ms",
        base: loop,
        rows: time,
        targets: [{ atMost: 1 }]
      },
      {
        title: "Time per job as jobs become more",
        quantity: "time per job",
        unit: "ms",
        base,
        rows: flat,
        targets
      },
      {
        title: "Requests per job",
        quantity: "requests to the manager, by the number of jobs",
        unit: "",
        base: loop,
        rows: asked,
        targets: [{ of: "value", atMost: 12 }],
        note: `Of ${largest} jobs: ${
          [...kinds].sort(([, a], [, b]) => b - a).map(([request, count]) => `\`${request}\` ${count}`).join(", ")
        }.`
      },
      {
        title: "Entries in the managers' log per job",
        quantity: "entries in the raft log, by the number of jobs",
        unit: "",
        base: loop,
        rows: written,
        targets: []
      },
      {
        title: "Memory of the client",
        quantity: "the most that it ever had, by the number of jobs",
        unit: "MiB",
        base: ours,
        rows: memory,
        targets: []
      },
      {
        title: "Heap as jobs become more",
        quantity: "heap in use after all jobs",
        unit: "MiB",
        base,
        rows: heap,
        targets
      }
    ]
  })
} finally {
  await stop()
}
