/**
 * A program: the logger of one container, which its shim starts and which ends with it. It reads what the container
 * writes and appends it to the files of its log, each piece with the time at which it came.
 *
 * Usage: logger.js FOLDER. The shim gives the container's standard output and error as 3 and 4, and waits until 5 is
 * closed. Nobody reads what this says: what goes wrong is in the log, or else it is the log that is missing.
 *
 * No Effect here, nor anything else that is not needed: there is one of these for each container.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, read, writeSync } from "node:fs"
import { encode, encodeLost, now, paths, sources } from "./order.ts"

/** So much is read at a time; a pipe has no more. Bytes. */
const piece = 65_536

/** Asked to end, it waits for bytes no longer than this: milliseconds. The shim would kill it after twelve seconds. */
const patience = 3000

const log = paths(process.argv[2] ?? "")

/** How many of the bytes could be appended, until there is no space. */
const append = (file: number, bytes: Uint8Array): number => {
  let written = 0
  try {
    while (written < bytes.length) written += writeSync(file, bytes, written)
  } catch {
    // The disk is full, for one. The container is not to wait for what may never come.
  }
  return written
}

const order = openSync(log.order, constants.O_WRONLY | constants.O_APPEND)

/** All of it or nothing: half of one would make those after it unreadable. */
const note = (entry: Uint8Array): boolean => {
  const written = append(order, entry)
  if (written === entry.length) return true
  try {
    if (written > 0) ftruncateSync(order, fstatSync(order).size - written)
  } catch {
    // What follows is unreadable then, and comes as what nobody saw grow.
  }
  return false
}

const outputs = sources.map((source, at) => ({
  source,
  pipe: 3 + at,
  file: openSync(log[source], constants.O_WRONLY | constants.O_APPEND),
  buffer: Buffer.allocUnsafeSlow(piece),
  size: 0,
  lost: 0
}))

type Output = (typeof outputs)[number]

let open = outputs.length
let isQuiet = false

const noteLost = (output: Output): void => {
  if (output.lost > 0 && note(encodeLost(output.source, now(), output.lost))) output.lost = 0
}

const end = (): void => {
  for (const output of outputs) noteLost(output)
  note(encode("end", now(), 0))
}

const keep = (output: Output, bytes: Uint8Array): void => {
  isQuiet = false
  const time = now()
  const written = append(output.file, bytes)
  if (written > 0) {
    // Before what came after it.
    noteLost(output)
    output.size += written
    note(encode(output.source, time, output.size))
  }
  output.lost += bytes.length - written
}

const next = (output: Output): void => {
  read(output.pipe, output.buffer, 0, piece, null, (error, length) => {
    if (error !== null || length === 0) {
      if (--open === 0) end()
      return
    }
    keep(output, output.buffer.subarray(0, length))
    next(output)
  })
}

// The shim says that the container is gone. There is an end of the pipes to come, unless a process has outlived it.
process.on("SIGTERM", () => {
  setInterval(() => {
    if (isQuiet) {
      end()
      // A read that is under way would keep it.
      process.kill(process.pid, "SIGKILL")
    }
    isQuiet = true
  }, patience / 2).unref()
})

if (!note(encode("begun", now(), 0))) throw new Error(`${log.order} cannot be written`)
for (const output of outputs) next(output)
closeSync(5)
