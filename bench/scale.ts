/**
 * 10, 100 and 1,000 runs, 16 at a time: whether a run costs the same however many there are.
 *
 * Usage: npm run bench -- scale [--most 1000] [--atOnce 16]
 */
import { counts } from "./measure/options.ts"
import { report } from "./measure/report.ts"
import { ours, type Row } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { modules } from "./stage/contenders.ts"
import { withDocker } from "./stage/docker.ts"
import { stage } from "./stage/stage.ts"

const { atOnce, most } = counts({ most: 1000, atOnce: 16 })

const staged = stage()
const command = ["echo", "hi"]
const sizes = [10, 100, 1000].filter((size) => size <= most)
const at = (size: number) => `${ours}, ${size} runs`

await withDocker(async (docker) => {
  const time: Array<Row> = []
  const cpu: Array<Row> = []
  const memory: Array<Row> = []
  for (const size of sizes) {
    const worker = await employ(staged, modules[ours] ?? "", [docker.host], { nodeOptions: ["--expose-gc"] })
    // What is loaded and compiled with the first runs is no part of what each costs.
    await worker.call("many", 2 * atOnce, atOnce, command, "hi\n")
    await docker.settled()
    const done = await worker.call<number>("many", size, atOnce, command, "hi\n")
    if (done.value !== size) throw new Error(`${done.value} of ${size} runs wrote what they should`)
    await docker.settled()
    const after = await worker.call<number>("heap")
    time.push({ name: at(size), values: [done.time / size] })
    cpu.push({ name: at(size), values: [(after.cpu - done.cpu) / size] })
    memory.push({ name: at(size), values: [after.value / 1048576] })
    await worker.end()
  }
  const target = [{ row: at(sizes.at(-1) ?? 0), atMost: 1.1 }]
  report({
    bench: "scale",
    title: "How it scales",
    how:
      `\`echo hi\` in new containers of Docker, ${atOnce} at a time, after ${
        2 * atOnce
      } runs that do not count, each number in a process of its own. Memory is what is used on JavaScript's heap when all is done `
      + "and collected: what was kept of a run would be in it, a thousand times. What a long time leaves is what `soak` looks at.",
    tables: [
      {
        title: "Time as runs become more",
        quantity: "time per run",
        unit: "ms",
        base: at(sizes.at(-2) ?? 0),
        rows: time,
        targets: target
      },
      {
        title: "Processor time as runs become more",
        quantity: "processor time of the client per run",
        unit: "ms",
        base: at(sizes.at(-2) ?? 0),
        rows: cpu,
        targets: target
      },
      {
        title: "Memory as runs become more",
        quantity: "heap in use after all runs",
        unit: "MiB",
        base: at(sizes.at(-2) ?? 0),
        rows: memory,
        targets: target
      }
    ]
  })
})
