/**
 * Much output of a container of Docker, and a consumer that is slower: what memory the client takes, and whether all comes.
 *
 * Usage: npm run bench -- slow [--rounds 1] [--size 512] [--pause 256]
 */
import { counts } from "./measure/options.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { cli } from "./stage/contenders.ts"
import { withDocker } from "./stage/docker.ts"
import { stage } from "./stage/stage.ts"

/** `size`: MiB of output; `pause`: after so many KiB the consumer pauses for a millisecond. */
const { pause, rounds, size } = counts({ rounds: 1, size: 512, pause: 256 })

const staged = stage()
const program = await cli()
const ways = { raw: "raw", [ours]: "ours", dockerode: "dockerode", "@docker/node-sdk": "sdk" }
const total = size * 1048576

await withDocker(async (docker) => {
  const raced = await race(
    Object.entries(ways).map(([name, way]) => ({
      name,
      before: docker.settled,
      run: async () => {
        const worker = await employ(staged, "rivals/output", [docker.host, way, program])
        try {
          const command = ["head", "-c", String(total), "/dev/zero"]
          const { value } = await worker.call<{ bytes: number; most: number }>("watched", command, pause * 1024)
          return { most: value.most, missing: total - value.bytes }
        } finally {
          await worker.end()
        }
      }
    })),
    rounds,
    0
  )
  report({
    bench: "slow",
    title: "Output that is read slowly",
    how:
      `${size} MiB that a container of Docker writes at once, read by a consumer that pauses for a millisecond after each `
      + `${pause} KiB. Memory is the most of the whole process while it reads, looked at 50 times a second, in a new process each.`,
    tables: [
      {
        title: "Memory with a slow reader",
        quantity: "most memory of the client",
        unit: "MiB",
        base: "raw",
        rows: rows(raced, "most"),
        targets: [{ of: "value", atMost: 110 }]
      },
      {
        title: "Bytes lost with a slow reader",
        quantity: "bytes that did not come",
        unit: "",
        base: "raw",
        rows: rows(raced, "missing"),
        targets: [{ of: "value", atMost: 0 }]
      }
    ]
  })
})
