/**
 * 1 GB that a container writes, through an attached run on containerd with standard output and standard error apart; against
 * what Node reads of a named pipe that a program writes to directly, and of a file.
 *
 * Usage: npm run bench -- containerd-logs [--rounds 5] [--megabytes 1024]
 */
import { Effect, Stream } from "effect"
import { Container } from "effect-containers"
import { execFileSync, spawn } from "node:child_process"
import { constants, createReadStream, openSync, rmSync } from "node:fs"
import * as Net from "node:net"
import { join } from "node:path"
import { start } from "../scripts/engines/start.ts"
import { counts } from "./measure/options.ts"
import { race, rows } from "./measure/race.ts"
import { report } from "./measure/report.ts"
import { ours, type Table } from "./measure/table.ts"
import { image } from "./rivals/contender.ts"
import { type Staged, withContainerd } from "./stage/containerd.ts"

const { megabytes, rounds } = counts({ rounds: 5, megabytes: 1024 })

const size = megabytes * 1024 * 1024
const block = 64 * 1024
const half = size / block / 2

const speed = async (read: () => Promise<number>) => {
  const begun = performance.now()
  const bytes = await read()
  const seconds = (performance.now() - begun) / 1000
  if (bytes !== size) throw new Error(`${bytes} bytes came, of ${size}`)
  return { speed: bytes / 1e6 / seconds }
}

const drained = (stream: NodeJS.ReadableStream): Promise<number> =>
  new Promise((done, fail) => {
    let bytes = 0
    stream.on("data", (chunk: Buffer) => bytes += chunk.length)
    stream.on("end", () => done(bytes))
    stream.on("error", fail)
  })

/** Two pipes at once, as a container has them. */
const fifos = async (folder: string): Promise<number> => {
  const paths = ["stdout", "stderr"].map((name) => join(folder, `bare-${name}`))
  execFileSync("mkfifo", paths)
  try {
    const reading = paths.map((path) => {
      const guard = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const writer = spawn("dd", ["if=/dev/zero", `of=${path}`, `bs=${block}`, `count=${half}`], { stdio: "ignore" })
      // Until it has the pipe open, somebody else has to.
      const held = new Net.Socket({ fd: guard, readable: false, writable: true })
      writer.once("exit", () => held.destroy())
      return drained(new Net.Socket({ fd, readable: true, writable: false }))
    })
    return (await Promise.all(reading)).reduce((sum, bytes) => sum + bytes, 0)
  } finally {
    for (const path of paths) rmSync(path)
  }
}

const run = async ({ runtime }: Staged): Promise<number> => {
  const write = `dd if=/dev/zero bs=${block} count=${half} 2>/dev/null`
  const job = Container.make(image).pipe(
    Container.pull("never"),
    Container.command(`${write} & ( exec 3>&1 1>&2; ${write} ) & wait`)
  )
  const bytes = { stdout: 0, stderr: 0 }
  await runtime.runPromise(Stream.runForEachArray(Container.stream(job), (frames) => {
    for (const frame of frames) bytes[frame.source] += frame.bytes.length
    return Effect.void
  }))
  if (bytes.stdout !== size / 2) {
    throw new Error(`${bytes.stdout} bytes came on standard output, ${bytes.stderr} beside`)
  }
  return bytes.stdout + bytes.stderr
}

const engines = await start(["containerd21"])
try {
  const engine = engines.engines["containerd21"]
  if (engine === undefined) throw new Error("there is no containerd")
  const file = join(engines.folder, "file")
  execFileSync("dd", ["if=/dev/zero", `of=${file}`, `bs=${block}`, `count=${size / block}`], { stdio: "ignore" })
  const raced = await withContainerd("containerd21", engine, (staged) =>
    race([
      { name: "net.Socket on two FIFOs", run: () => speed(() => fifos(engines.folder)) },
      { name: ours, run: () => speed(() => run(staged)) },
      { name: "a file", run: () => speed(() => drained(createReadStream(file))) }
    ], rounds))
  const table: Table = {
    title: `${megabytes} MiB of output`,
    quantity: "throughput",
    unit: "MB/s",
    base: "net.Socket on two FIFOs",
    rows: rows(raced, "speed"),
    targets: [{ of: "value", atLeast: 300 }],
    note:
      "The bytes of each side are counted. Ours comes through the engine's shim, which reads it from the container and writes "
      + "it again; the two FIFOs are written to directly, and the file is read as it lies there."
  }
  report({
    bench: "containerd-logs",
    title: "Output through containerd",
    how:
      "A container writes 512 MiB to standard output and as much to standard error, at the same time, in blocks of 64 KiB; "
      + "from the run's creation to its end, the container's start included.",
    tables: [table]
  })
} finally {
  await engines.stop()
}
