import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { closeSync, constants, fstatSync, type FSWatcher, openSync, watch, writeSync } from "node:fs"
import { mkdir, rm, writeFile } from "node:fs/promises"
import type * as Errors from "../../../Errors.ts"
import { fromCause } from "../errors.ts"
import { encode, type Log, now, sources } from "./order.ts"

/** The files, empty and new: who kept those of an earlier start may still have them open. */
export const create = (log: Log): Effect.Effect<void, Errors.Reason> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(log.folder, { recursive: true, mode: 0o700 })
      for (const path of [log.stdout, log.stderr, log.order]) {
        await rm(path, { force: true })
        await writeFile(path, "", { flag: "wx", mode: 0o600 })
      }
    },
    catch: (cause) => fromCause("start", cause)
  })

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
