/**
 * A build context of 5,000 files and 100 MB: packed, and built.
 *
 * Usage: npm run bench -- context [--rounds 12] [--files 5000] [--size 100]
 */
import { randomBytes } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { counts } from "./measure/options.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours } from "./measure/table.ts"
import { employ } from "./measure/worker.ts"
import { cli } from "./stage/contenders.ts"
import { withDocker } from "./stage/docker.ts"
import { stage } from "./stage/stage.ts"

/** `size`: MB of all files. */
const { files, rounds, size } = counts({ rounds: 12, files: 5000, size: 100 })

const staged = stage()
const program = await cli()

/** The image is made of one of the files: what is measured is what brings the others to the engine. */
const folder = join(staged.folder, "context")
const bytes = randomBytes(Math.floor(size * 1e6 / files))
for (let n = 0; n < files; n++) {
  const where = join(folder, `${n % 50}`)
  mkdirSync(where, { recursive: true })
  bytes.writeUInt32BE(n)
  writeFileSync(join(where, `file-${n}`), bytes)
}
writeFileSync(join(folder, "Dockerfile"), "FROM busybox:test\nCOPY 0/file-0 /\n")

await withDocker(async (docker) => {
  const ways = { "tar(1)": "programs", [ours]: "ours", "tar-fs": "dockerode" }
  const workers = new Map<string, Awaited<ReturnType<typeof employ>>>()
  for (const way of Object.values(ways)) {
    workers.set(way, await employ(staged, "rivals/context", [docker.host, way, program]))
  }
  const least = files * bytes.length
  const packed = await race(
    Object.entries(ways).map(([name, way]) => ({
      name,
      run: async () => {
        const done = await workers.get(way)?.call<number>("pack", folder)
        if (done === undefined || done.value < least) throw new Error(`${name} packed ${done?.value} bytes of ${least}`)
        return { time: done.time }
      }
    })),
    rounds
  )
  const built = await race(
    Object.entries({ "docker CLI": "programs", [ours]: "ours", dockerode: "dockerode" }).map(([name, way]) => ({
      name,
      before: () => docker.ask("DELETE", "/images/built?force=1"),
      run: async () => {
        const done = await workers.get(way)?.call("build", folder, "built")
        if (!(await docker.ask("GET", "/images/built/json")).includes("sha256")) {
          throw new Error(`${name} built nothing`)
        }
        return { time: done?.time ?? NaN }
      }
    })),
    rounds
  )
  for (const worker of workers.values()) await worker.end()
  report({
    bench: "context",
    title: "A build context",
    how:
      `${files.toLocaleString("en")} files of ${
        Math.round(bytes.length / 1000)
      } kB in 50 folders, ${size} MB of random bytes. `
      + "Packing is to a tar archive that nobody keeps; the build is Docker's classic one of a Dockerfile that copies one file, "
      + "the base image being there. An image that is there already is not built again by `Image.resolve`, and no context is read.",
    tables: [
      {
        title: "Packing",
        quantity: "time until the archive has ended",
        unit: "ms",
        base: "tar(1)",
        rows: rows(packed, "time"),
        targets: [{ atMost: 1.7 }]
      },
      {
        title: "The whole build",
        quantity: "time until the image is there",
        unit: "ms",
        base: "docker CLI",
        rows: rows(built, "time"),
        targets: [{ atMost: 1 }]
      }
    ]
  })
})
