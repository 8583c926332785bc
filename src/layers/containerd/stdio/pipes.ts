import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { mkdir, rm } from "node:fs/promises"
import type * as Net from "node:net"
import { join } from "node:path"
import type { Attachment } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import type { Source } from "../../../Output.ts"
import { fromCause, reason } from "../errors.ts"
import * as Fifo from "./fifo.ts"
import * as Input from "./input.ts"
import * as Live from "./live.ts"

/** What a process is to be started with, by whoever has attached to it. */
export interface Pipes {
  /** Paths for the shim; empty for what is not wanted. */
  readonly stdin: string
  readonly stdout: string
  readonly stderr: string
  readonly attachment: Attachment
  /** To be called when the shim has opened them and the process runs. */
  readonly started: Effect.Effect<void>
  /** Instead: nothing will ever be written. */
  readonly failed: Effect.Effect<void>
  /** Done when all output was read, or nobody will. */
  readonly drained: Deferred.Deferred<void>
}

/** What stays goes with the folder of the container that it is in. */
const remove = (folder: string) =>
  Effect.catch(
    Effect.tryPromise(() => rm(folder, { recursive: true, force: true })),
    ({ cause }) => Effect.logWarning(`the pipes in ${folder} stay until their container is removed: ${String(cause)}`)
  )

/**
 * Makes the pipes of a process in a folder of their own. The scope closes and removes them.
 */
export const make = Effect.fnUntraced(function*(options: {
  readonly operation: string
  readonly folder: string
  readonly stdin: boolean
  readonly output: boolean
  readonly tty: boolean
  /** Tells the shim that the input has ended. */
  readonly close: Effect.Effect<void, Errors.Reason>
}): Effect.fn.Return<Pipes, Errors.Reason, Scope.Scope> {
  const { folder, operation, output, tty } = options
  const path = (name: string, wanted: boolean) => wanted ? join(folder, name) : ""
  const stdin = path("stdin", options.stdin)
  const stdout = path("stdout", output)
  const stderr = path("stderr", output && !tty)
  yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () => mkdir(folder, { recursive: true, mode: 0o700 }),
      catch: (cause) => fromCause(operation, cause)
    }),
    () => remove(folder)
  )
  yield* Fifo.make([stdin, stdout, stderr].filter((path) => path !== ""))

  const readings: Array<{ readonly source: Source; readonly reading: Fifo.Reading }> = []
  if (stdout !== "") readings.push({ source: "stdout", reading: yield* Fifo.read(stdout) })
  if (stderr !== "") readings.push({ source: "stderr", reading: yield* Fifo.read(stderr) })
  const live = Live.make(operation, readings.map(({ reading, source }) => ({ source, socket: reading.socket })))
  const release = Effect.forEach(readings, ({ reading }) => reading.release, { discard: true })

  const opened = yield* Deferred.make<Net.Socket, Errors.Reason>()
  const notStarted = reason("Conflict", { operation, message: "it does not run" })
  const scope = yield* Effect.scope
  yield* Effect.addFinalizer(() =>
    Effect.andThen(Deferred.fail(opened, notStarted), Deferred.succeed(live.drained, undefined))
  )
  // Not waited for: output may be read before.
  const openInput = stdin === "" ? Effect.void : Fifo.write(stdin).pipe(
    Scope.provide(scope),
    Effect.exit,
    Effect.flatMap((exit) => Deferred.done(opened, exit)),
    Effect.forkIn(scope, { startImmediately: true })
  )
  return {
    stdin,
    stdout,
    stderr,
    drained: live.drained,
    attachment: {
      output: output ? live.output : Stream.empty,
      stdin: Input.sink({ operation, tty, opened, close: options.close })
    },
    started: Effect.asVoid(Effect.andThen(release, openInput)),
    failed: Effect.andThen(release, Deferred.fail(opened, notStarted))
  }
})

/** The input of a process that runs already. */
export const input = (options: {
  readonly operation: string
  readonly path: string
  readonly tty: boolean
  readonly close: Effect.Effect<void, Errors.Reason>
}): Effect.Effect<Attachment["stdin"], Errors.Reason, Scope.Scope> =>
  Effect.gen(function*() {
    const opened = yield* Deferred.make<Net.Socket, Errors.Reason>()
    yield* Deferred.succeed(opened, yield* Fifo.write(options.path))
    return Input.sink({ ...options, opened })
  })

/** Of a process that was started without. */
export const noInput = (operation: string): Attachment["stdin"] =>
  Sink.fail(reason("Conflict", { operation, message: "it was started without standard input" }))
