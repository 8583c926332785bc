/**
 * Frames of container output, of several sizes and in pieces of several sizes, taken apart: processor time against a loop
 * that does no more than it must.
 *
 * Usage: npm run bench -- demux [--rounds 5] [--least 100]
 */
import { counts } from "./measure/options.ts"
import { race } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { stage } from "./stage/stage.ts"

/** `least`: milliseconds of processor time that a measurement takes. */
const { least, rounds } = counts({ rounds: 5, least: 100 })

const staged = stage()
const kib = 1024

/** What copies all that is left for each frame takes with the square of its size: it is given less. */
const ways = [
  { name: "loop", way: "demux: loop", total: 4096 * kib },
  { name: ours, way: "demux: Logs.Decoder", total: 4096 * kib },
  { name: `${ours}, stream`, way: "demux: Logs.decode", total: 4096 * kib },
  { name: "dockerode", way: "demux: dockerode", total: 256 * kib },
  { name: "@docker/node-sdk", way: "demux: @docker/node-sdk", total: 256 * kib }
]

const tables: Array<Table> = []
for (const frame of [80, 4 * kib, 32 * kib]) {
  for (const chunk of [16 * kib, 64 * kib]) {
    const workers = await Promise.all(ways.map(() => employ(staged, "rivals/codec", [])))
    const raced = await race(
      ways.map(({ name, total, way }, n) => ({
        name,
        run: async () => {
          const worker = workers[n]
          const size = Math.max(total, 4 * frame)
          const done = await worker?.call<{ rate: number; counted: number }>("rate", way, frame, chunk, size, least)
          const expected = Math.max(3, Math.floor(size / (frame + 8) / 3) * 3) * frame
          if (done?.value.counted !== expected) {
            throw new Error(`${name} counted ${done?.value.counted} of ${expected} bytes`)
          }
          // Per MiB, so that less is better.
          return { time: 1_000_000 / done.value.rate }
        }
      })),
      rounds
    )
    for (const worker of workers) await worker.end()
    const names = `${frame < kib ? `${frame} B` : `${frame / kib} KiB`} in pieces of ${chunk / kib} KiB`
    tables.push({
      title: `Frames of ${names}`,
      quantity: "processor time per MiB",
      unit: "µs",
      base: "loop",
      rows: raced.map(({ name, samples }) => ({ name, values: samples.map(({ time }) => time) })),
      targets: [{ atMost: frame === 80 ? 1.3 : 2 }]
    })
  }
}
report({
  bench: "demux",
  title: "Frames of output taken apart",
  how:
    "The output of a container comes in frames, two of standard output and one of standard error in turn, and is read in "
    + "pieces that cut them anywhere. Each client's own code takes them apart and gives them to somebody who counts their "
    + "bytes; the loop is written by hand, and checks nothing. `effect-containers` is `Logs.Decoder`; the row *stream* is "
    + "`Logs.decode`, what a program uses, with the pieces coming as they do from a socket: 256 KiB at once. Each in "
    + "a process of its own.",
  tables
})
