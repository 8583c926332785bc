import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import type { Health, TerminalSize } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import type { Source } from "../../Output.ts"
import type { Input } from "./input.ts"
import { reasons } from "./reasons.ts"
import type { Ending, Piece, Process, Recipe } from "./recipe.ts"
import { bytesOf } from "./tree.ts"

/** What a process is told. The rest of {@link Process} is what it can do. */
export type Facts = Omit<
  Process,
  "stdin" | "stdout" | "stderr" | "exit" | "trap" | "nextSignal" | "health" | "terminalSize"
>

/** A process as its engine sees it. */
export interface Running {
  readonly exit: Effect.Effect<ExitStatus.ExitStatus>
  /** How it ended, `undefined` while it has not. */
  readonly status: () => ExitStatus.ExitStatus | undefined
  /** Takes a signal's name as {@link signalName} gives it. */
  readonly deliver: (signal: string) => Effect.Effect<void, Errors.Reason>
  /** Ends it, whatever it does. */
  readonly kill: (status: ExitStatus.ExitStatus) => void
  readonly resize: (size: TerminalSize) => Effect.Effect<void, Errors.Reason>
}

const isExitStatus = (u: unknown): u is ExitStatus.ExitStatus =>
  u instanceof ExitStatus.Exited || u instanceof ExitStatus.Killed || u instanceof ExitStatus.OomKilled ||
  u instanceof ExitStatus.StartFailed || u instanceof ExitStatus.Unknown

const statusOf = (code: number): ExitStatus.ExitStatus => {
  if (!Number.isInteger(code)) throw new Error(`a recipe gave the exit code ${code}, which is not a whole number`)
  // The kernel keeps no more than eight bits of it.
  return ExitStatus.fromCode(code & 0xff)
}

/** The signals that do nothing to a process that does not handle them (signal(7)). */
const ignored = new Set(["SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH"])
const stopping = new Set(["SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU"])

/** `"SIGTERM"` for `"SIGTERM"`, `"TERM"` and `"15"`; a real-time signal by its number; `undefined` for none. */
export const signalName = (signal: string): string | undefined => {
  const number = ExitStatus.signalNumber(signal)
  if (number === undefined) return undefined
  const status = ExitStatus.fromCode(128 + number)
  return status._tag === "Killed" ? status.signal : String(number)
}

/** A terminal puts a carriage return before each line feed. */
const asTerminal = (bytes: Uint8Array): Uint8Array => {
  let feeds = 0
  for (const byte of bytes) if (byte === 0x0a) feeds++
  if (feeds === 0) return bytes
  const out = new Uint8Array(bytes.length + feeds)
  let at = 0
  for (const byte of bytes) {
    if (byte === 0x0a) out[at++] = 0x0d
    out[at++] = byte
  }
  return out
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : typeof error === "string" ? error : inspect(error)

/** Starts a recipe as a process. When this succeeds, all that the recipe does without waiting is done. */
export const launch = Effect.fnUntraced(function*(
  recipe: Recipe,
  facts: Facts,
  options: {
    readonly input: Input
    readonly write: (source: Source, bytes: Uint8Array, timestamp: bigint) => void
    /** Called once, before anybody who waits is told; with the time at which it ended. */
    readonly onExit: (status: ExitStatus.ExitStatus, clock: Clock.Clock) => void
    /** What its health check says. */
    readonly onHealth?: (health: Health, clock: Clock.Clock) => void
    readonly scope: Scope.Scope
  }
): Effect.fn.Return<Running> {
  const clock = yield* Clock.Clock
  const exit = Deferred.makeUnsafe<ExitStatus.ExitStatus>()
  const fibers = new Set<Fiber.Fiber<unknown, unknown>>()
  const handlers = new Map<string, Effect.Effect<unknown>>()
  const kept = new Map<string, number>()
  const waiting = new Set<{ readonly signals: ReadonlyArray<string>; readonly resume: (signal: string) => void }>()
  let status: ExitStatus.ExitStatus | undefined
  let size: TerminalSize | undefined

  const finish = (how: ExitStatus.ExitStatus): void => {
    if (status !== undefined) return
    status = how
    options.onExit(how, clock)
    options.input.break(
      reasons("stdin").conflict(`the process ${ExitStatus.format(how)}: nobody reads its standard input any more`)
    )
    Deferred.doneUnsafe(exit, Effect.succeed(how))
    for (const fiber of fibers) fiber.interruptUnsafe()
  }

  const write = (source: Source, bytes: Uint8Array): void => {
    if (status !== undefined || bytes.length === 0) return
    options.write(facts.tty ? "stdout" : source, facts.tty ? asTerminal(bytes) : bytes, clock.currentTimeNanosUnsafe())
  }
  if (facts.tty) options.input.echo = (bytes) => write("stdout", bytes.slice())

  const exitWith = (how: number | ExitStatus.ExitStatus): Effect.Effect<never> =>
    Effect.andThen(
      Effect.sync(() => finish(typeof how === "number" ? statusOf(how) : how)),
      Effect.interruptible(Effect.never)
    )

  const fork = (effect: Effect.Effect<unknown>, onEnd: () => void = () => {}): Effect.Effect<void> =>
    Effect.map(Effect.forkIn(effect, options.scope, { startImmediately: true }), (fiber) => {
      fibers.add(fiber)
      fiber.addObserver(() => {
        fibers.delete(fiber)
        onEnd()
      })
      // It may have ended the process before it was known here.
      if (status !== undefined) fiber.interruptUnsafe()
    })

  const failed = (cause: Cause.Cause<unknown>): Effect.Effect<ExitStatus.ExitStatus> => {
    if (Cause.hasDies(cause)) {
      write("stderr", bytesOf(`${Cause.pretty(cause)}\n`))
      return Effect.as(
        Effect.logError(`the recipe of image ${facts.image} died`, cause),
        new ExitStatus.Killed({ signal: "SIGABRT" })
      )
    }
    const error = Cause.findErrorOption(cause)
    if (error._tag === "None") return Effect.succeed(new ExitStatus.Killed({ signal: "SIGINT" }))
    if (isExitStatus(error.value)) return Effect.succeed(error.value)
    write("stderr", bytesOf(`${messageOf(error.value)}\n`))
    return Effect.succeed(new ExitStatus.Exited({ code: 1 }))
  }

  const trap = (signal: string, handler: Effect.Effect<unknown>): Effect.Effect<void> =>
    Effect.sync(() => {
      const name = signalName(signal)
      if (name === undefined) throw new Error(`a recipe handles ${JSON.stringify(signal)}, which is not a signal`)
      handlers.set(
        name,
        Effect.catchCause(handler, (cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.map(failed(cause), finish))
      )
    })

  const nextSignal = (...names: ReadonlyArray<string>): Effect.Effect<string> =>
    Effect.callback((resume) => {
      const signals = (names.length === 0 ? ["SIGTERM", "SIGINT"] : names).map((name) => signalName(name) ?? name)
      for (const signal of signals) {
        const count = kept.get(signal)
        if (count === undefined) kept.set(signal, 0)
        else if (count > 0) {
          kept.set(signal, count - 1)
          return resume(Effect.succeed(signal))
        }
      }
      const waiter = { signals, resume: (signal: string) => resume(Effect.succeed(signal)) }
      waiting.add(waiter)
      return Effect.sync(() => waiting.delete(waiter))
    })

  const deliver = (signal: string): Effect.Effect<void, Errors.Reason> =>
    Effect.suspend((): Effect.Effect<void, Errors.Reason> => {
      if (status !== undefined) return Effect.void
      const handler = signal === "SIGKILL" || signal === "SIGSTOP" ? undefined : handlers.get(signal)
      if (handler !== undefined) return fork(handler)
      const count = signal === "SIGKILL" || signal === "SIGSTOP" ? undefined : kept.get(signal)
      if (count !== undefined) {
        const waiter = [...waiting].find(({ signals }) => signals.includes(signal))
        if (waiter === undefined) kept.set(signal, count + 1)
        else {
          waiting.delete(waiter)
          waiter.resume(signal)
        }
        return Effect.void
      }
      if (ignored.has(signal)) return Effect.void
      if (stopping.has(signal)) {
        return Effect.fail(reasons("signal").unsupported(`the in-memory engine cannot suspend a recipe with ${signal}`))
      }
      finish(ExitStatus.fromCode(128 + (ExitStatus.signalNumber(signal) ?? 0)))
      return Effect.void
    })

  const process: Process = {
    ...facts,
    stdin: options.input.stream,
    stdout: (content) => Effect.sync(() => write("stdout", bytesOf(content))),
    stderr: (content) => Effect.sync(() => write("stderr", bytesOf(content))),
    exit: exitWith,
    trap,
    nextSignal,
    health: (status, output) =>
      Effect.sync(() => options.onHealth?.(output === undefined ? { status } : { status, output }, clock)),
    terminalSize: Effect.sync(() => size)
  }

  const settle = (ending: Ending): ExitStatus.ExitStatus => {
    if (ending === undefined) return new ExitStatus.Exited({ code: 0 })
    if (typeof ending === "number") return statusOf(ending)
    if (isExitStatus(ending)) return ending
    if (ending.stdout !== undefined) write("stdout", bytesOf(ending.stdout))
    if (ending.stderr !== undefined) write("stderr", bytesOf(ending.stderr))
    return statusOf(ending.exitCode ?? 0)
  }

  const play = (pieces: Stream.Stream<Piece, unknown>): Effect.Effect<ExitStatus.ExitStatus, unknown> =>
    Effect.as(
      Stream.runForEachArray(pieces, (pieces) => {
        for (const piece of pieces) {
          if (isExitStatus(piece)) return exitWith(piece)
          if (typeof piece === "string" || piece instanceof Uint8Array) write("stdout", bytesOf(piece))
          else write(piece.source, bytesOf(piece.bytes))
        }
        return Effect.void
      }),
      new ExitStatus.Exited({ code: 0 })
    )

  yield* fork(
    Effect.suspend((): Effect.Effect<ExitStatus.ExitStatus, unknown> => {
      const outcome = recipe(process)
      if (Stream.isStream(outcome)) return play(outcome)
      return Effect.isEffect(outcome) ? Effect.map(outcome, settle) : Effect.sync(() => settle(outcome))
    }).pipe(
      Effect.catchCause((cause) => status === undefined ? failed(cause) : Effect.succeed(status)),
      Effect.map(finish)
    ),
    // However it came about that it is no more.
    () => finish(new ExitStatus.Killed({ signal: "SIGKILL" }))
  )

  return {
    exit: Deferred.await(exit),
    status: () => status,
    deliver,
    kill: finish,
    resize: (to) =>
      Effect.suspend(() => {
        size = to
        return deliver("SIGWINCH")
      })
  }
})
