/**
 * What an engine tells of a pull, a line of JSON each: as typed statuses, against a loop that parses them.
 *
 * Usage: npm run bench -- progress [--rounds 15] [--lines 200000]
 */
import { counts } from "./measure/options.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { stage } from "./stage/stage.ts"

const { lines, rounds } = counts({ rounds: 15, lines: 200_000 })

const staged = stage()
const socket = `${staged.folder}/engine.sock`
const engine = await employ(staged, "engine/server", [socket])
await engine.call("tells", lines)

const ways = { raw: "raw", [ours]: "ours", dockerode: "dockerode" }
const contenders = []
for (const [name, way] of Object.entries(ways)) {
  const worker = await employ(staged, "rivals/pull", [`unix://${socket}`, way, "busybox:test"])
  contenders.push({
    name,
    run: async () => {
      const { cpu, value } = await worker.call<number>("pull")
      if (value !== lines) throw new Error(`${name} was told ${value} of ${lines} lines`)
      return { cpu: (await worker.usage()).cpu - cpu }
    },
    end: () => worker.end()
  })
}
const raced = await race(contenders, rounds)
for (const { end } of contenders) await end()
await engine.end()
report({
  bench: "progress",
  title: "What is told of a pull",
  how:
    `${lines.toLocaleString("en")} lines, as Docker tells them of a pull, from an engine that runs nothing, on a unix `
    + "socket. *raw* splits and parses them; dockerode's `followProgress` gives what is parsed; this library's `Image.pull` gives "
    + "each as a `PullStatus`, checked.",
  tables: [{
    title: "Lines of a pull",
    quantity: "processor time of the client",
    unit: "ms",
    base: "raw",
    rows: rows(raced, "cpu"),
    targets: [{ atMost: 1.5 }]
  }]
})
