/**
 * What spans and metrics cost when nobody listens to them.
 *
 * Usage: npm run bench -- observe [--rounds 12] [--runs 200]
 */
import { counts } from "./measure/options.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { employ } from "./measure/worker.ts"
import { stage } from "./stage/stage.ts"

const { rounds, runs } = counts({ rounds: 12, runs: 200 })

const staged = stage()
const socket = `${staged.folder}/engine.sock`
const engine = await employ(staged, "engine/server", [socket])
await engine.call("writes", { frame: 3, chunk: 11, total: 11 })

const contenders = []
for (const [name, tracing] of [["without spans", "off"], ["with spans", "on"]] as const) {
  const worker = await employ(staged, "rivals/observed", [`unix://${socket}`, tracing])
  contenders.push({
    name,
    run: async () => {
      const { cpu } = await worker.call("runs", runs)
      return { cpu: ((await worker.usage()).cpu - cpu) / runs }
    },
    end: () => worker.end()
  })
}
const raced = await race(contenders, rounds, 3)
for (const { end } of contenders) await end()
await engine.end()
report({
  bench: "observe",
  title: "Spans and metrics that nobody listens to",
  how:
    `${runs} runs, 8 at a time, on an engine that runs nothing, with spans as they are, and with Effect's tracing switched `
    + "off. The counters are in both: each is one addition. A real engine takes many times as long for a run, so of that the "
    + "share is smaller still.",
  tables: [{
    title: "Spans",
    quantity: "processor time of the client per run",
    unit: "ms",
    base: "without spans",
    rows: rows(raced, "cpu"),
    targets: [{ row: "with spans", atMost: 1.03 }]
  }]
})
