import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  buildSummary,
  endOfBuild,
  foldBuild,
  formatBuild,
  initialBuild,
  pullOf,
  shown,
  splitLog,
  stepLine
} from "./build.ts"
import { format, type FormatOptions, type Outcome, summary } from "./format.ts"
import { Screen, standardError, type Terminal } from "./screen.ts"
import { fold, initial, type Layer } from "./state.ts"
import type { BuildStatus, PullStatus } from "./status.ts"
import { bytes, plain } from "./text.ts"

/**
 * @category options
 * @since 0.1.0
 */
export interface RenderOptions {
  /** Where to draw. Default: standard error. */
  readonly output?: Terminal | undefined
  /** What is being done, such as `"pulling gcc:14"`. */
  readonly title?: string | undefined
  /** Whether to use colours. Default: unless the variable `NO_COLOR` is set. Never without a terminal. */
  readonly color?: boolean | undefined
  /** Whether to use characters beyond ASCII. Default: if `LC_ALL`, `LC_CTYPE` or `LANG` says UTF-8. */
  readonly unicode?: boolean | undefined
}

/** Milliseconds between two drawings. */
const FRAME = 100

/** What differs between pulls and builds. */
interface Drawing<A> {
  /** Takes a status. The lines to print where there is no terminal. */
  readonly push: (status: A, now: number) => ReadonlyArray<string>
  readonly lines: (view: FormatOptions) => ReadonlyArray<string>
  readonly ending: (outcome: Outcome, view: FormatOptions) => ReadonlyArray<string>
  readonly plainEnding: (outcome: Outcome, view: FormatOptions) => ReadonlyArray<string>
}

const variable = (name: string) => Config.withDefault(Config.String(name), "")

const environment = Config.all({
  noColor: variable("NO_COLOR"),
  term: variable("TERM"),
  all: variable("LC_ALL"),
  type: variable("LC_CTYPE"),
  lang: variable("LANG")
})

const outcomeOf = (cause: Cause.Cause<unknown>): Outcome =>
  Pull.isDoneCause(cause) ? "done" : Cause.hasInterruptsOnly(cause) ? "interrupted" : "failed"

const tap = <A, E, R>(
  self: Stream.Stream<A, E, R>,
  options: RenderOptions | undefined,
  make: () => Drawing<A>
): Stream.Stream<A, E, R> =>
  Stream.transformPull(self, (pull, scope) =>
    Effect.gen(function*() {
      type Next = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E>
      const clock = yield* Clock.Clock
      const env = yield* Effect.orElseSucceed(
        environment,
        () => ({ noColor: "", term: "", all: "", type: "", lang: "" })
      )
      const output = options?.output ?? standardError
      const drawing = make()
      const screen = new Screen(output)
      const live = output.isTTY === true && env.term !== "dumb"
      const color = live && (options?.color ?? env.noColor === "")
      const unicode = options?.unicode ?? /utf-?8/i.test(env.all || env.type || env.lang)
      let started = false
      let finished = false
      const view = (): FormatOptions => ({
        // the last column stays free: some terminals break a line that fills it
        width: live ? Math.max(1, screen.columns - 1) : Number.MAX_SAFE_INTEGER,
        height: live ? Math.max(1, screen.rows - 1) : undefined,
        now: clock.currentTimeMillisUnsafe(),
        title: options?.title,
        color,
        unicode
      })
      const finish = (outcome: Outcome) => {
        if (finished) return
        finished = true
        if (live) screen.draw(drawing.ending(outcome, view()))
        else screen.print(drawing.plainEnding(outcome, view()))
      }
      yield* Scope.addFinalizerExit(scope, (exit) =>
        Effect.sync(() =>
          finish(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "stopped")
        ))
      if (live) {
        const redraw = Effect.sync(() => {
          if (started && !finished) screen.draw(drawing.lines(view()))
        })
        yield* Effect.forkIn(Effect.forever(Effect.andThen(Effect.sleep(FRAME), redraw)), scope)
      }
      const next: Next = Effect.matchCauseEffect(pull, {
        onSuccess: (statuses): Next => {
          const now = clock.currentTimeMillisUnsafe()
          const lines: Array<string> = []
          for (let i = 0; i < statuses.length; i++) {
            for (const line of drawing.push(statuses[i]!, now)) lines.push(line)
          }
          if (!live) screen.print(lines)
          else if (!started) screen.draw(drawing.lines(view()))
          started = true
          return Effect.succeed(statuses)
        },
        onFailure: (cause): Next => {
          finish(outcomeOf(cause))
          return Effect.failCause(cause)
        }
      })
      return next
    })) as Stream.Stream<A, E, R>

/** The line about a status where there is no terminal: only when a layer enters another phase. */
const plainPull = (before: Layer | undefined, after: Layer | undefined, status: PullStatus): string | undefined => {
  if (after === undefined) {
    const text = plain(status.id === undefined ? status.status : `${status.id}: ${status.status}`)
    return text === "" ? undefined : text
  }
  if (before?.phase === after.phase) return undefined
  const size = after.phase === "Downloading" && after.total !== undefined ? ` ${bytes(after.total)}` : ""
  return `${plain(after.id)}: ${after.phase}${size}`
}

const pulling = (): Drawing<PullStatus> => {
  let state = initial
  return {
    push: (status, now) => {
      const before = state
      state = fold(state, status, { now })
      const at = status.id === undefined || status.phase === "Message" ? undefined : state.index.get(status.id)
      const line = at === undefined
        ? plainPull(undefined, undefined, status)
        : plainPull(before.layers[at], state.layers[at], status)
      return line === undefined ? [] : [line]
    },
    lines: (view) => format(state, view),
    ending: (outcome, view) =>
      outcome === "done" ? [summary(state, outcome, view)] : [
        ...format(state, { ...view, height: view.height === undefined ? undefined : view.height - 1 }).slice(1),
        summary(state, outcome, view)
      ],
    plainEnding: (outcome, view) => [summary(state, outcome, view)]
  }
}

const building = (): Drawing<BuildStatus> => {
  let state = initialBuild
  let unfinished = ""
  let pull = initial
  return {
    push: (status, now) => {
      state = foldBuild(state, status, { now })
      const lines: Array<string> = []
      if (status.step !== undefined) {
        if (unfinished !== "") lines.push(shown(unfinished))
        unfinished = ""
        pull = initial
        lines.push(stepLine(status.step))
      }
      if (
        status.stream !== undefined && (status.step === undefined || state.log.length > 0 || state.unfinished !== "")
      ) {
        const [whole, rest] = splitLog(unfinished, status.stream)
        unfinished = rest
        for (const line of whole) lines.push(shown(line))
      }
      const pulled = pullOf(status)
      if (pulled !== undefined) {
        const before = pull
        pull = fold(pull, pulled)
        const at = pulled.id === undefined || pulled.phase === "Message" ? undefined : pull.index.get(pulled.id)
        const line = at === undefined
          ? plainPull(undefined, undefined, pulled)
          : plainPull(before.layers[at], pull.layers[at], pulled)
        if (line !== undefined) lines.push(line)
      }
      return lines
    },
    lines: (view) => formatBuild(state, view),
    ending: (outcome, view) => endOfBuild(state, outcome, view),
    plainEnding: (outcome, view) => [
      ...(unfinished === "" ? [] : [shown(unfinished)]),
      buildSummary(state, outcome, view)
    ]
  }
}

/**
 * Draws the progress of a pull, push or import while its statuses pass through unchanged.
 *
 * In a terminal the lines are drawn over themselves, at most ten times a second, and one line remains in the end, also
 * after a failure or an interruption; what failed keeps its layers. The size of the terminal may change meanwhile. The
 * cursor is not hidden. Elsewhere, and with `TERM=dumb`, there is a line whenever a layer enters another phase, and not
 * a single control character. `NO_COLOR` is honoured. What cannot be drawn (a terminal that went away) does not make the
 * stream fail.
 *
 * **Example** (Lines where there is no terminal)
 *
 * ```ts import.meta.vitest
 * import { Effect, Stream } from "effect"
 * import { Progress } from "effect-containers"
 *
 * const written: Array<string> = []
 * const pull = Stream.make(
 *   new Progress.PullStatus({ id: "9f3a", phase: "Downloading", status: "Downloading", current: 10, total: 40 }),
 *   new Progress.PullStatus({ id: "9f3a", phase: "Complete", status: "Pull complete" })
 * )
 * const output = { write: (text: string) => written.push(text) }
 * await Effect.runPromise(Stream.runDrain(Progress.render(pull, { output }))) // => undefined
 * written[0] // => "9f3a: Downloading 40 B\n9f3a: Complete\n"
 * ```
 *
 * @category drawing
 * @since 0.1.0
 */
export const render: <
  Arg extends Stream.Stream<PullStatus, unknown, unknown> | RenderOptions | undefined = RenderOptions
>(
  selfOrOptions?: Arg,
  options?: RenderOptions
) => [Arg] extends [Stream.Stream<PullStatus, infer E, infer R>] ? Stream.Stream<PullStatus, E, R>
  : <E, R>(self: Stream.Stream<PullStatus, E, R>) => Stream.Stream<PullStatus, E, R> = dual(
    (args) => Stream.isStream(args[0]),
    <E, R>(self: Stream.Stream<PullStatus, E, R>, options?: RenderOptions): Stream.Stream<PullStatus, E, R> =>
      tap(self, options, pulling)
  )

/**
 * Draws the progress of a build while its statuses pass through unchanged: its steps, how long each took, and the end of
 * what the current one writes. All steps remain in the end, and the log of one that failed. Otherwise as
 * {@link render}; where there is no terminal, the whole log is written.
 *
 * @category drawing
 * @since 0.1.0
 */
export const renderBuild: <
  Arg extends Stream.Stream<BuildStatus, unknown, unknown> | RenderOptions | undefined = RenderOptions
>(
  selfOrOptions?: Arg,
  options?: RenderOptions
) => [Arg] extends [Stream.Stream<BuildStatus, infer E, infer R>] ? Stream.Stream<BuildStatus, E, R>
  : <E, R>(self: Stream.Stream<BuildStatus, E, R>) => Stream.Stream<BuildStatus, E, R> = dual(
    (args) => Stream.isStream(args[0]),
    <E, R>(self: Stream.Stream<BuildStatus, E, R>, options?: RenderOptions): Stream.Stream<BuildStatus, E, R> =>
      tap(self, options, building)
  )
