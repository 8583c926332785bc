/**
 * Output of a container read through each client's public way, from an engine that writes as fast as it is read.
 *
 * Usage: npm run bench -- attach [--rounds 7] [--size 256]
 */
import { counts } from "./measure/options.ts"
import { race } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { stage } from "./stage/stage.ts"

/** `size`: MiB of output. */
const { rounds, size } = counts({ rounds: 7, size: 256 })

const kib = 1024
const staged = stage()
const socket = `${staged.folder}/engine.sock`
const engine = await employ(staged, "engine/server", [socket])

/** What copies all that is left for each frame is given less: it would take minutes. */
const ways = [
  { name: "raw", way: "raw", share: 1 },
  { name: ours, way: "ours", share: 1 },
  { name: "dockerode", way: "dockerode", share: 1 / 128 }
]

const tables: Array<Table> = []
for (const frame of [80, 4 * kib, 32 * kib]) {
  const workers = await Promise.all(
    ways.map(({ way }) => employ(staged, "rivals/output", [`unix://${socket}`, way, ""]))
  )
  const raced = await race(
    ways.map(({ name, share }, n) => ({
      name,
      run: async () => {
        const total = size * share * 1048576
        await engine.call("writes", { frame, chunk: 64 * kib, total })
        const done = await workers[n]?.call<number>("read", ["true"], 0)
        // Whole pieces are written until it is enough.
        if (done === undefined || done.value < total * frame / (frame + 8) - 128 * kib) {
          throw new Error(`${name} read ${done?.value} bytes of about ${total}`)
        }
        return { rate: done.value / 1048576 / (done.time / 1000) }
      }
    })),
    rounds
  )
  for (const worker of workers) await worker.end()
  tables.push({
    title: `Output in frames of ${frame < kib ? `${frame} B` : `${frame / kib} KiB`}`,
    quantity: "rate",
    unit: "MiB/s",
    base: "raw",
    rows: raced.map(({ name, samples }) => ({ name, values: samples.map(({ rate }) => rate) })),
    targets: [{ atLeast: 0.9 }]
  })
}
await engine.end()
report({
  bench: "attach",
  title: "Output from a socket",
  how:
    `${size} MiB of output (a 128th of it for dockerode, which would take minutes) from an engine that runs nothing and writes as `
    + "fast as it is read, in a process of its own, on a unix socket. Each client creates a container, attaches to it, starts it "
    + "and counts the bytes that it is given; this library, connected before, by `Container.stream`. *raw* is the connection as `node:http` hands "
    + "it over, and a loop. @docker/node-sdk cannot say when it is attached, so it is not among them.",
  tables
})
