/**
 * 10, 100 and 1,000 runs, 16 at a time: whether a run costs the same however many there are.
 *
 * Usage: npm run bench -- scale [--most 1000] [--atOnce 16] [--rounds 1]
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
    const before = await worker.call<number>("heap")
    const done = await worker.call<number>("many", size, atOnce, command, "hi\n")
    if (done.value !== size) throw new Error(`${done.value} of ${size} runs wrote what they should`)
    await docker.settled()
    const after = await worker.call<number>("heap")
    time.push({ name: at(size), values: [done.time / size] })
    cpu.push({ name: at(size), values: [(after.cpu - done.cpu) / size] })
    memory.push({ name: at(size), values: [(after.value - before.value) / size] })
    await worker.end()
  }
  const last = at(sizes.at(-1) ?? 0)
  const target = (of: "ratio" | "value", atMost: number) => [{ row: last, of, atMost }]
  report({
    bench: "scale",
    title: "How it scales",
    how:
      `\`echo hi\` in new containers of Docker, ${atOnce} at a time, after ${
        2 * atOnce
      } runs that do not count. Memory is `
      + "what is still used on JavaScript's heap when all is done and collected, over what was before, for each run: what is "
      + "kept of a run would be in it.",
    tables: [
      {
        title: "Time as runs become more",
        quantity: "time per run",
        unit: "ms",
        base: at(sizes.at(-2) ?? 0),
        rows: time,
        targets: target("ratio", 1.1)
      },
      {
        title: "Processor time as runs become more",
        quantity: "processor time of the client per run",
        unit: "ms",
        base: at(sizes.at(-2) ?? 0),
        rows: cpu,
        targets: target("ratio", 1.1)
      },
      {
        title: "Memory as runs become more",
        quantity: "bytes kept per run",
        unit: "B",
        base: at(sizes.at(-2) ?? 0),
        rows: memory,
        targets: target("value", 200)
      }
    ]
  })
})
