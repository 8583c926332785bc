import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { execFile } from "node:child_process"
import { closeSync, constants, openSync } from "node:fs"
import * as Net from "node:net"
import type * as Errors from "../../../Errors.ts"
import { fromCause, reason } from "../errors.ts"

/**
 * Named pipes between a container's shim and us. They are only ever opened without blocking and read through the event
 * loop: `fs.open` of a FIFO takes a thread of the pool until the other side comes, and four of them stop all file access.
 */

/** Node has no call for it; the program is one of coreutils and of busybox alike. */
export const make = (paths: ReadonlyArray<string>): Effect.Effect<void, Errors.Reason> =>
  paths.length === 0
    ? Effect.void
    : Effect.callback((resume) => {
      const child = execFile("mkfifo", ["-m", "600", ...paths], (error, _stdout, stderr) => {
        if (error === null) return resume(Effect.void)
        const said = stderr.trim()
        resume(Effect.fail(
          "code" in error && error.code === "ENOENT"
            ? reason("Unsupported", {
              operation: "start",
              message: "there is no program mkfifo on this machine",
              hint: "install coreutils or busybox"
            })
            : reason("Internal", { operation: "start", message: said === "" ? error.message : said, cause: error })
        ))
      })
      return Effect.sync(() => void child.kill())
    })

/** Open for reading, and meanwhile for writing too, so that its end does not come before the shim has opened it. */
export interface Reading {
  readonly socket: Net.Socket
  /** To be called when the shim has it open: from then on its end is the shim's. */
  readonly release: Effect.Effect<void>
}

const opened = (path: string, flags: number): Effect.Effect<number, Errors.Reason> =>
  Effect.try({
    try: () => openSync(path, flags | constants.O_NONBLOCK),
    catch: (cause) => fromCause("attach", cause)
  })

/** Closed by the scope. */
export const read = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<Reading, Errors.Reason, Scope.Scope> {
  let guard: number | undefined = yield* opened(path, constants.O_RDWR)
  const release = Effect.sync(() => {
    if (guard === undefined) return
    const fd = guard
    guard = undefined
    closeSync(fd)
  })
  yield* Effect.addFinalizer(() => release)
  const fd = yield* opened(path, constants.O_RDONLY)
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const socket = new Net.Socket({ fd, readable: true, writable: false })
      socket.pause()
      socket.on("error", () => {})
      return socket
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
  return { socket, release }
})

/**
 * A shim opens its end in the background: on a busy machine it may say that a process runs, and not be there yet. How often
 * we look again, 10 ms apart.
 */
const mostLooks = 1000

const isUnread = ({ cause }: Errors.Reason) => cause instanceof Error && "code" in cause && cause.code === "ENXIO"

/** Open for writing: for a pipe that somebody has open for reading, or will have in a moment. Closed by the scope. */
export const write = (path: string): Effect.Effect<Net.Socket, Errors.Reason, Scope.Scope> =>
  opened(path, constants.O_WRONLY).pipe(
    Effect.retry({ while: isUnread, times: mostLooks, schedule: Schedule.spaced("10 millis") }),
    Effect.flatMap((fd) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const socket = new Net.Socket({ fd, readable: false, writable: true })
          socket.on("error", () => {})
          return socket
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
    )
  )
