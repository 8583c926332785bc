/**
 * How a container ended. A value, not an error: `Container.run` turns the ones it was not told to expect into
 * {@link ExitCode}, everything else hands them out as they are.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The process ended by itself with this code (0 to 255).
 *
 * @category models
 * @since 0.1.0
 */
export class Exited extends Schema.TaggedClass<Exited>("effect-containers/ExitStatus/Exited")("Exited", {
  code: Schema.Int
}) {}

/**
 * A signal ended the process. Engines report `128 + n` for signal `n` and cannot tell it from a process that itself
 * exits with that code: codes 129 to 159 of a known signal are read as `Killed`, which is what a shell does too.
 *
 * @category models
 * @since 0.1.0
 */
export class Killed extends Schema.TaggedClass<Killed>("effect-containers/ExitStatus/Killed")("Killed", {
  signal: Schema.String
}) {}

/**
 * The kernel killed the process because the container had used up its memory limit.
 *
 * @category models
 * @since 0.1.0
 */
export class OomKilled
  extends Schema.TaggedClass<OomKilled>("effect-containers/ExitStatus/OomKilled")("OomKilled", {})
{}

/**
 * The process never ran: its executable was not found (a shell's 127) or cannot be executed (126).
 *
 * @category models
 * @since 0.1.0
 */
export class StartFailed extends Schema.TaggedClass<StartFailed>("effect-containers/ExitStatus/StartFailed")(
  "StartFailed",
  { issue: Schema.Literals(["not found", "not executable"]) }
) {}

/**
 * The container ended and its engine does not know how, for example because it was down at that moment. Never a
 * made-up 0.
 *
 * @category models
 * @since 0.1.0
 */
export class Unknown extends Schema.TaggedClass<Unknown>("effect-containers/ExitStatus/Unknown")("Unknown", {}) {}

/**
 * How a container ended.
 *
 * @category models
 * @since 0.1.0
 */
export const ExitStatus = Schema.Union([Exited, Killed, OomKilled, StartFailed, Unknown])

/**
 * @category models
 * @since 0.1.0
 */
export type ExitStatus = typeof ExitStatus.Type

/** Linux's numbers, which hold in every Linux container whatever the client's own system is. */
const signals = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGILL",
  "SIGTRAP",
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGKILL",
  "SIGUSR1",
  "SIGSEGV",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGSTKFLT",
  "SIGCHLD",
  "SIGCONT",
  "SIGSTOP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGSYS"
]

/**
 * The number that Linux gives a signal, `undefined` for a name it does not know. Takes `"SIGTERM"`, `"TERM"` and `"15"`.
 *
 * **Example** (Signals by name)
 *
 * ```ts import.meta.vitest
 * import { ExitStatus } from "effect-containers"
 *
 * ExitStatus.signalNumber("SIGTERM") // => 15
 * ExitStatus.signalNumber("KILL") // => 9
 * ExitStatus.signalNumber("SIGNOPE") // => undefined
 * ```
 *
 * @category signals
 * @since 0.1.0
 */
export const signalNumber = (signal: string): number | undefined => {
  if (/^\d+$/.test(signal)) return Number(signal) >= 1 && Number(signal) <= 64 ? Number(signal) : undefined
  const name = signal.toUpperCase()
  const at = signals.indexOf(name.startsWith("SIG") ? name : `SIG${name}`)
  return at < 0 ? undefined : at + 1
}

/**
 * Reads an engine's exit code: 129 to 159 is {@link Killed}, the rest {@link Exited}; {@link OomKilled} when the engine
 * says so.
 *
 * **Example** (A code that stands for a signal)
 *
 * ```ts import.meta.vitest
 * import { ExitStatus } from "effect-containers"
 *
 * ExitStatus.fromCode(3) // => new ExitStatus.Exited({ code: 3 })
 * ExitStatus.fromCode(137) // => new ExitStatus.Killed({ signal: "SIGKILL" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCode = (code: number, options?: { readonly oomKilled?: boolean | undefined }): ExitStatus => {
  if (options?.oomKilled === true && code !== 0) return new OomKilled()
  const signal = signals[code - 129]
  return signal === undefined ? new Exited({ code }) : new Killed({ signal })
}

/**
 * The code that a shell would show: the process's own, `128 + n` for a signal, 137 for {@link OomKilled}, 127 or 126 for
 * {@link StartFailed}, `undefined` for {@link Unknown}.
 *
 * @category getters
 * @since 0.1.0
 */
export const toCode = (status: ExitStatus): number | undefined => {
  switch (status._tag) {
    case "Exited":
      return status.code
    case "Killed":
      return 128 + (signalNumber(status.signal) ?? 0)
    case "OomKilled":
      return 137
    case "StartFailed":
      return status.issue === "not found" ? 127 : 126
    case "Unknown":
      return undefined
  }
}

/**
 * One line for a person.
 *
 * @category getters
 * @since 0.1.0
 */
export const format = (status: ExitStatus): string => {
  switch (status._tag) {
    case "Exited":
      return `exited with code ${status.code}`
    case "Killed":
      return `was killed by ${status.signal}`
    case "OomKilled":
      return "was killed because it ran out of memory"
    case "StartFailed":
      return `did not start: command ${status.issue}`
    case "Unknown":
      return "ended in a way that its engine does not know"
  }
}
