import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { closeSync, constants, fstatSync, type FSWatcher, openSync, watch, writeSync } from "node:fs"
import { mkdir, open } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import type { Source } from "../../../Output.ts"
import { fromCause } from "../errors.ts"

/**
 * The kept output of a container: two files to which its shim appends, and a third one that says in which order and when
 * they grew. The files need nobody to be alive, so nothing is lost and the container never waits; order and times are
 * those at which whoever started the container saw it grow. What grew unseen comes at the end, standard output first.
 */
export interface Log {
  /** Of a terminal this is all. */
  readonly stdout: string
  readonly stderr: string
  readonly order: string
  readonly folder: string
}

export const sources: readonly [Source, Source] = ["stdout", "stderr"]

export const paths = (folder: string): Log => ({
  stdout: join(folder, "log", "stdout"),
  stderr: join(folder, "log", "stderr"),
  // Not among those that are watched: writing it would wake who writes it.
  order: join(folder, "order"),
  folder: join(folder, "log")
})

/** The files, empty; a shim appends to files only that exist. */
export const create = (log: Log): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(log.folder, { recursive: true, mode: 0o700 })
      for (const path of [log.stdout, log.stderr, log.order]) await (await open(path, "w", 0o600)).close()
    },
    catch: (cause) => fromCause("start", cause)
  })

/** `[source, time, size]`: until which byte a file had grown at a time, in milliseconds since the epoch. */
export interface Entry {
  readonly source: Source
  readonly time: number
  readonly size: number
}

export const entryLength = 17

const end = 255

/** The last time that a `Date` can be. */
const latest = 8.64e15

export const encode = (source: Source | "end", time: number, size: number): Uint8Array => {
  const bytes = new Uint8Array(entryLength)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, source === "end" ? end : sources.indexOf(source))
  view.setFloat64(1, time)
  view.setFloat64(9, size)
  return bytes
}

/** `"end"`: nothing comes any more; `undefined`: what nobody has written, after a crash of the machine for one. */
export const decode = (bytes: Uint8Array, at: number): Entry | "end" | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, entryLength)
  const code = view.getUint8(0)
  if (code === end) return "end"
  const source = sources[code]
  const time = view.getFloat64(1)
  const size = view.getFloat64(9)
  return source !== undefined && time >= 0 && time <= latest && Number.isSafeInteger(size)
    ? { source, time, size }
    : undefined
}

/** Milliseconds since the epoch, to the microsecond. */
const now = (): number => performance.timeOrigin + performance.now()

/** How often it is looked whether the files grew, should their watcher miss it: milliseconds. */
const rest = 250

/** Sees a container's files grow. */
export interface Observer {
  /** Looks once more and says that this was all: to be called when the shim has closed the files. */
  readonly finish: Effect.Effect<void>
  /** Calls back whenever there is more to read, and when there will be no more. Gives what undoes it. */
  readonly subscribe: (listener: () => void) => () => void
}

/** Watches until it is finished or the scope closes. */
export const observe = (log: Log): Effect.Effect<Observer, Errors.Reason, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.try({ try: () => start(log), catch: (cause) => fromCause("start", cause) }),
      ({ close }) => Effect.sync(close)
    ),
    ({ finish, subscribe }) => ({ finish: Effect.sync(finish), subscribe })
  )

const start = (log: Log) => {
  const descriptors: Array<number> = []
  const closeAll = () => {
    for (const fd of descriptors.splice(0)) closeSync(fd)
  }
  let watcher: FSWatcher | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    const order = openSync(log.order, constants.O_WRONLY | constants.O_APPEND)
    descriptors.push(order)
    const files = sources.map((source) => {
      const fd = openSync(log[source], constants.O_RDONLY)
      descriptors.push(fd)
      return { source, fd, size: 0 }
    })
    const listeners = new Set<() => void>()
    let isOpen = true
    const look = (only?: string | null) => {
      if (!isOpen) return
      let grown = false
      for (const file of files) {
        if (only === "stdout" || only === "stderr") { if (only !== file.source) continue }
        const { size } = fstatSync(file.fd)
        if (size <= file.size) continue
        file.size = size
        grown = true
        writeSync(order, encode(file.source, now(), size))
      }
      if (grown) { for (const listener of listeners) listener() }
    }
    const close = () => {
      if (!isOpen) return
      isOpen = false
      watcher?.close()
      clearInterval(timer)
      closeAll()
      for (const listener of listeners) listener()
    }
    try {
      watcher = watch(log.folder, { persistent: false }, (_event, name) => look(name))
      watcher.on("error", () => watcher?.close())
    } catch {
      // No watches left: the timer does.
    }
    timer = setInterval(look, watcher === undefined ? 25 : rest)
    timer.unref()
    return {
      close,
      finish: () => {
        if (!isOpen) return
        look()
        writeSync(order, encode("end", now(), 0))
        close()
      },
      subscribe: (listener: () => void) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      }
    }
  } catch (error) {
    watcher?.close()
    clearInterval(timer)
    closeAll()
    throw error
  }
}
