/**
 * Runs, output, failures, interruptions and pulls, thousands of them: whether anything is kept of what is over.
 *
 * Usage: npm run bench -- soak [--steps 12] [--each 300]
 */
import { counts } from "./measure/options.ts"
import { report } from "./measure/report.ts"
import { employ } from "./measure/worker.ts"
import { stage } from "./stage/stage.ts"

/** Five operations are a round; `each` rounds are a step, after which is looked. */
const { each, steps } = counts({ steps: 12, each: 300 })

const staged = stage()
const socket = `${staged.folder}/engine.sock`
const engine = await employ(staged, "engine/server", [socket])
await engine.call("writes", { frame: 80, chunk: 264, total: 264 })
await engine.call("tells", 1000)

const worker = await employ(staged, "rivals/soak", [`unix://${socket}`], { nodeOptions: ["--expose-gc"] })
await worker.call("rounds", each)
const heap: Array<number> = []
const resident: Array<number> = []
for (let step = 0; step <= steps; step++) {
  if (step > 0) await worker.call("rounds", each)
  const { peak, value } = await worker.call<number>("heap")
  heap.push(value / 1048576)
  resident.push(peak)
}
await worker.end()
await engine.end()

const operations = each * 5 * (steps + 1)
const name = (step: number) => `after ${((step + 1) * each * 5).toLocaleString("en")} operations`
const some = [...new Set([0, Math.floor(steps / 3), Math.floor(2 * steps / 3), steps])]
const last = name(steps)
const table = (values: ReadonlyArray<number>) =>
  some.map((step) => ({ name: name(step), values: [values[step] ?? NaN] }))
report({
  bench: "soak",
  title: "Memory over a long time",
  how:
    `${
      operations.toLocaleString("en")
    } operations on an engine that runs nothing, 20 at a time: runs, lines of output, runs `
    + `that fail, runs that are interrupted, pulls. As many as ${
      (operations / 7200).toFixed(1)
    } a second are in two hours. The heap is `
    + "looked at when all is over and has been collected.",
  tables: [
    {
      title: "Heap in use",
      quantity: "heap after collection",
      unit: "MiB",
      base: name(0),
      rows: table(heap),
      targets: [{ row: last, atMost: 1.05 }]
    },
    {
      title: "Most memory ever",
      quantity: "most memory of the process",
      unit: "MiB",
      base: name(0),
      rows: table(resident),
      targets: []
    }
  ]
})
