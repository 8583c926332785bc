/**
 * `echo hi` in a new container of Docker, once at a time: what a client adds to the engine's time, what processor time it
 * takes, and what it asks.
 *
 * Usage: npm run bench -- run [--rounds 24] [--warm 20]
 */
import { counts } from "./measure/options.ts"
import { proxy } from "./measure/proxy.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import type { Row } from "./measure/table.ts"
import { employ, type Worker } from "./measure/worker.ts"
import { cli, modules } from "./stage/contenders.ts"
import { type Docker, withDocker } from "./stage/docker.ts"
import { stage } from "./stage/stage.ts"

/** Processor time is counted over a few runs: that of other processes comes in steps of ten milliseconds. */
const { block, rounds, warm } = counts({ rounds: 24, block: 6, warm: 20 })

const command = ["echo", "hi"]
const program = await cli()
const staged = stage()

const check = (value: unknown): void => {
  if (value !== "hi\n") throw new Error(`that is not what was to be run: ${JSON.stringify(value)}`)
}

/** Per run, over blocks of runs: the readings are from before each of them, and one from after the last. */
const perRun = (readings: ReadonlyArray<number>): ReadonlyArray<number> =>
  Array.from(
    { length: Math.floor((readings.length - 1) / block) },
    (_, n) => ((readings[(n + 1) * block] ?? NaN) - (readings[n * block] ?? NaN)) / block
  )

const requestsOf = async (docker: Docker, module: string): Promise<ReadonlyArray<string>> => {
  const between = await proxy(docker.host, docker.socket("count"))
  const worker = await employ(staged, module, [between.host, program])
  try {
    await worker.call("run", command)
    await docker.settled()
    between.requests()
    check((await worker.call("run", command)).value)
    await docker.settled()
    return between.requests().filter((request) => !request.startsWith("DELETE"))
  } finally {
    await worker.end()
    between.stop()
  }
}

await withDocker(async (docker) => {
  const workers = new Map<string, Worker>()
  for (const [name, module] of Object.entries(modules)) {
    workers.set(name, await employ(staged, module, [docker.host, program]))
  }
  const raced = await race(
    [...workers].map(([name, worker]) => ({
      name,
      before: docker.settled,
      run: async () => {
        const { cpu, time, value } = await worker.call("run", command)
        check(value)
        return { time, cpu }
      }
    })),
    rounds,
    warm
  )
  await docker.settled()
  const cpu: Array<Row> = []
  for (const { name, samples } of raced) {
    const last = await workers.get(name)?.usage()
    cpu.push({ name, values: perRun([...samples.map(({ cpu }) => cpu), last?.cpu ?? NaN]) })
  }
  for (const worker of workers.values()) await worker.end()

  const asked: Array<Row> = []
  const what: Array<string> = []
  for (const [name, module] of Object.entries(modules)) {
    const requests = await requestsOf(docker, module)
    asked.push({ name, values: [requests.length] })
    what.push(`- ${name}: ${requests.map((request) => `\`${request}\``).join(", ")}`)
  }
  report({
    bench: "run",
    title: "One run on Docker",
    how:
      "`echo hi` in a new container, from the call to what it wrote and how it ended, each client in a process of its own "
      + `that is connected and has done ${warm} of them. The container is removed behind the result's back, except by the CLI, `
      + "which cannot do "
      + "otherwise; the next run begins when it is gone. Processor time is the client's whole process, the removal included; of "
      + "the CLI that of the `docker` processes. Requests are counted by a proxy in front of the engine's socket.",
    tables: [
      {
        title: "Time of a run",
        quantity: "time until the result",
        unit: "ms",
        base: "raw",
        rows: rows(raced, "time"),
        targets: [{ atMost: 1.02 }]
      },
      {
        title: "Processor time of a run",
        quantity: "processor time of the client",
        unit: "ms",
        base: "raw",
        rows: cpu,
        // 5.0 ms where raw took 3.5 ms; dockerode took 5.6.
        targets: [{ atMost: 1.43 }]
      },
      {
        title: "Requests of a run",
        quantity: "requests until the result",
        unit: "",
        base: "raw",
        rows: asked,
        targets: [{ of: "value", atMost: 4 }],
        note: `The removal is one more.\n\n${what.join("\n")}`
      }
    ]
  })
})
