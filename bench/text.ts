/**
 * Lines of text out of frames of output.
 *
 * Usage: npm run bench -- text [--rounds 5] [--least 200]
 */
import { counts } from "./measure/options.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { stage } from "./stage/stage.ts"

/** `least`: milliseconds of processor time that a measurement takes. */
const { least, rounds } = counts({ rounds: 5, least: 200 })

const staged = stage()
const kib = 1024
const ways = [{ name: "loop", way: "text: loop" }, { name: ours, way: "text: Logs.lines" }]

const tables: Array<Table> = []
for (const frame of [80, 4 * kib, 32 * kib]) {
  const workers = await Promise.all(ways.map(() => employ(staged, "rivals/codec", [])))
  const counted: Array<number> = []
  const raced = await race(
    ways.map(({ name, way }, n) => ({
      name,
      run: async () => {
        const done = await workers[n]?.call<{ rate: number; counted: number }>(
          "rate",
          way,
          frame,
          64 * kib,
          4096 * kib,
          least
        )
        counted.push(done?.value.counted ?? NaN)
        return { rate: done?.value.rate ?? NaN }
      }
    })),
    rounds
  )
  for (const worker of workers) await worker.end()
  if (new Set(counted).size !== 1) throw new Error(`the texts are of different lengths: ${counted.join(", ")}`)
  tables.push({
    title: `Lines out of frames of ${frame < kib ? `${frame} B` : `${frame / kib} KiB`}`,
    quantity: "rate, per processor time",
    unit: "MiB/s",
    base: "loop",
    rows: rows(raced, "rate"),
    targets: [{ atLeast: 0.7 }]
  })
}
report({
  bench: "text",
  title: "Lines out of output",
  how: "Frames in pieces of 64 KiB are taken apart, decoded as UTF-8 and split into lines, each source by itself: by "
    + "`Logs.lines(Logs.decode(bytes))`, and by a loop written by hand that has a `TextDecoder` for each source and splits at line "
    + "feeds.",
  tables
})
