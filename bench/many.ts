/**
 * 50 runs of `echo hi`, 8 at a time: the client's processor time and its memory; and the same of ours at 500.
 *
 * Usage: npm run bench -- many [--rounds 3] [--runs 50] [--atOnce 8] [--more 500]
 */
import { counts } from "./measure/options.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Row } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { cli, modules } from "./stage/contenders.ts"
import { type Docker, withDocker } from "./stage/docker.ts"
import { stage } from "./stage/stage.ts"

const { atOnce, more, rounds, runs } = counts({ rounds: 3, runs: 50, atOnce: 8, more: 500 })

const command = ["echo", "hi"]
const program = await cli()
const staged = stage()

/** A new process each time: what it has learnt of its own code, and what memory it took, is no later one's. */
const measure = async (docker: Docker, module: string, count: number) => {
  const worker = await employ(staged, module, [docker.host, program])
  try {
    const { cpu, time, value } = await worker.call<number>("many", count, atOnce, command, "hi\n")
    if (value !== count) throw new Error(`${module}: ${value} of ${count} runs wrote what they should`)
    await docker.settled()
    const after = await worker.usage()
    return { time, cpu: (after.cpu - cpu) / count, peak: after.peak }
  } finally {
    await worker.end()
  }
}

await withDocker(async (docker) => {
  const raced = await race(
    Object.entries(modules).map(([name, module]) => ({
      name,
      before: docker.settled,
      run: () => measure(docker, module, runs)
    })),
    rounds,
    0
  )
  const at = (count: number) => `${ours}, ${count} runs`
  const long = await measure(docker, modules[ours] ?? "", more)
  const rest = (quantity: "cpu" | "peak"): ReadonlyArray<Row> => {
    const short = rows(raced, quantity).find(({ name }) => name === ours)?.values ?? []
    return [{ name: at(runs), values: short }, { name: at(more), values: [long[quantity]] }]
  }
  report({
    bench: "many",
    title: "Many runs on Docker",
    how:
      `${runs} runs of \`echo hi\` in new containers, ${atOnce} at a time, each client in a new process that has loaded `
      + "and connected when they begin. Processor time is that of the whole process, removals included, divided by the runs; of "
      + "the CLI that of the `docker` processes. Memory is the most that the process ever had (`VmHWM`); of the CLI that of "
      + "the process that starts it, for what it is worth.",
    tables: [
      {
        title: `Processor time of ${runs} runs`,
        quantity: "processor time of the client per run",
        unit: "ms",
        base: "raw",
        rows: rows(raced, "cpu"),
        targets: [{ atMost: 1.3 }]
      },
      {
        title: `Memory of ${runs} runs`,
        quantity: "most memory of the client",
        unit: "MiB",
        base: "raw",
        rows: rows(raced, "peak"),
        targets: [{ of: "value", atMost: 90 }]
      },
      {
        title: `Time of ${runs} runs`,
        quantity: "time until the last result",
        unit: "ms",
        base: "raw",
        rows: rows(raced, "time"),
        targets: []
      },
      {
        title: `Processor time of ${more} runs`,
        quantity: "processor time of the client per run",
        unit: "ms",
        base: at(runs),
        rows: rest("cpu"),
        targets: [{ row: at(more), atMost: 1 }]
      },
      {
        title: `Memory of ${more} runs`,
        quantity: "most memory of the client",
        unit: "MiB",
        base: at(runs),
        rows: rest("peak"),
        targets: [{ row: at(more), of: "value", atMost: 90 }]
      }
    ]
  })
})
