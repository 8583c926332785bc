/**
 * `echo hi` in a container that was started before, on Docker: by `Container.pool`, which resets it between two uses, and by
 * hand, without; against a run of its own.
 *
 * Usage: npm run bench -- warm [--rounds 20] [--batches 4] [--count 40]
 */
import { setTimeout as sleep } from "node:timers/promises"
import { counts } from "./measure/options.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"
import { employ, type Worker } from "./measure/worker.ts"
import { withDocker } from "./stage/docker.ts"
import { stage } from "./stage/stage.ts"

const { batches, count, rounds } = counts({ rounds: 20, batches: 4, count: 40 })

const command = ["echo", "hi"]
const size = 4
const modules: Readonly<Record<string, string>> = {
  "raw, a run": "rivals/raw",
  "raw, an exec": "rivals/rawExec",
  [ours]: "rivals/pool"
}
const staged = stage()

await withDocker(async (docker) => {
  const workers = new Map<string, Worker>()
  for (const [name, module] of Object.entries(modules)) {
    workers.set(name, await employ(staged, module, [docker.host, String(size)]))
  }
  const pool = workers.get(ours)
  /** Nothing goes on: all that the pool has is reset, and nobody's container but it and the one by hand is there. */
  const settled = async () => {
    await pool?.call("ready")
    while ((JSON.parse(await docker.ask("GET", "/containers/json?all=1")) as Array<unknown>).length > size + 1) {
      await sleep(5)
    }
  }
  const contenders = (call: (worker: Worker) => Promise<number>) =>
    [...workers].map(([name, worker]) => ({
      name,
      before: settled,
      run: async () => ({ time: await call(worker) })
    }))
  const once = await race(
    contenders(async (worker) => {
      const { time, value } = await worker.call("run", command)
      if (value !== "hi\n") throw new Error(`that is not what was to be run: ${JSON.stringify(value)}`)
      return time
    }),
    rounds,
    3
  )
  const many = await race(
    contenders(async (worker) => {
      const begun = performance.now()
      const { value } = await worker.call("many", count, size, command, "hi\n")
      if (value !== count) throw new Error(`only ${String(value)} of ${count} did what they should`)
      if (worker === pool) await worker.call("ready")
      return (performance.now() - begun) / count
    }),
    batches,
    1
  )
  for (const worker of workers.values()) {
    await worker.call("close")
    await worker.end()
  }
  const table = (title: string, raced: typeof once, targets: Table["targets"], note: string): Table => ({
    title,
    quantity: "time",
    unit: "ms",
    base: "raw, a run",
    rows: rows(raced, "time"),
    targets,
    note
  })
  report({
    bench: "warm",
    title: "A container that is started already",
    how:
      `\`echo hi\` by a pool of ${size} containers on Docker, each client in a process of its own that is warm and connected. `
      + "By hand is what the API can do at best: a run of its own in four requests, and an exec in three, in one container "
      + "that nobody resets.",
    tables: [
      table(
        "One use",
        once,
        [{ atMost: 0.22 }],
        "From the call to what it wrote and how it ended. The reset happens behind the result's back, and the next round "
          + "begins when it is done."
      ),
      table(
        `${count} uses, ${size} at a time`,
        many,
        [],
        "Per use, with all resets: each is one more exec, as a use is."
      )
    ]
  })
})
