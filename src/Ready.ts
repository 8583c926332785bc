/**
 * When a container is ready: conditions, put together, that are watched until they hold.
 *
 * What the engine tells by itself is listened to (output, health, the end); the rest is looked at again and again. It ends
 * at once when the conditions cannot hold any more, as when the container has ended, and says what was seen of each.
 *
 * **Example** (A service that is up when it says so and answers)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container, Ready } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const engine = Memory.layer({
 *   images: [
 *     Memory.image("db", ({ stdout }) => Effect.andThen(stdout("ready to accept connections\n"), Effect.never), {
 *       exec: () => ({ stdout: "accepting" })
 *     })
 *   ]
 * })
 * const ready = Ready.all(Ready.log(/ready to accept/), Ready.exec(["pg_isready"]))
 * const program = Effect.gen(function*() {
 *   const db = yield* Container.start(Container.make("db"))
 *   yield* Ready.wait(db, ready, { within: "30 seconds" })
 *   return yield* db.isRunning
 * }).pipe(Effect.scoped, Effect.provide(engine))
 * await Effect.runPromise(program) // => true
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type { Backend } from "./Backend.ts"
import * as Errors from "./Errors.ts"
import { type Condition, issueOf } from "./ready/condition.ts"
import { wait as waitFor } from "./ready/wait.ts"

const TypeId = "~effect-containers/Ready"

/**
 * A condition: an immutable value. Nothing is looked at before {@link wait}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ready {
  readonly [TypeId]: typeof TypeId
  readonly condition: Condition
}

const of = (condition: Condition): Ready => ({ [TypeId]: TypeId, condition })

/**
 * A line of its output has this text, or matches this pattern, as many `times` as said (default 1). All that it has written
 * counts, from its start on.
 *
 * @category conditions
 * @since 0.1.0
 */
export const log = (
  pattern: RegExp | string,
  options: { readonly times?: number | undefined; readonly source?: "stdout" | "stderr" | undefined } = {}
): Ready => of({ _tag: "Log", pattern, times: options.times ?? 1, source: options.source })

/**
 * Somebody takes TCP connections at this port of the container, and keeps them for a tenth of a second or speaks first: an
 * engine's own proxy takes connections for ports behind which there is nobody.
 *
 * It is asked from here, through the published port. A port that is not published fails at once with `InvalidArgument`:
 * {@link exec} and {@link log} need none.
 *
 * @category conditions
 * @since 0.1.0
 */
export const port = (port: number): Ready => of({ _tag: "Port", port })

/**
 * A server answers `GET path` at this port of the container (default 80) with this status (default: any from 200 to 299)
 * and a body that has this text or matches this pattern (default: any). Asked as {@link port} asks.
 *
 * @category conditions
 * @since 0.1.0
 */
export const http = (path: string, options: {
  readonly port?: number | undefined
  readonly status?: number | ReadonlyArray<number> | ((status: number) => boolean) | undefined
  readonly body?: string | RegExp | ((body: string) => boolean) | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
} = {}): Ready =>
  of({
    _tag: "Http",
    path,
    port: options.port ?? 80,
    status: options.status,
    body: options.body,
    headers: options.headers ?? {}
  })

/**
 * A command that is executed in the container ends with 0. A list is run as it is, a string by `/bin/sh`.
 *
 * @category conditions
 * @since 0.1.0
 */
export const exec = (command: string | ReadonlyArray<string>, options: {
  readonly env?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
  readonly user?: string | undefined
} = {}): Ready => of({ _tag: "Exec", command, env: options.env ?? {}, user: options.user })

/**
 * The health check that the image brings says `healthy`. `unhealthy` is the end of it. Fails at once with `Unsupported`
 * when the container has no health check, as on an engine that runs none (containerd).
 *
 * @category conditions
 * @since 0.1.0
 */
export const healthcheck: Ready = of({ _tag: "Healthcheck" })

/**
 * It has ended by itself with this code (default 0), as a container that only prepares something does.
 *
 * @category conditions
 * @since 0.1.0
 */
export const exited = (code = 0): Ready => of({ _tag: "Exited", code })

/**
 * All of them hold, at the same time.
 *
 * @category combinators
 * @since 0.1.0
 */
export const all = (...conditions: ReadonlyArray<Ready>): Ready =>
  of({ _tag: "All", conditions: conditions.map(({ condition }) => condition) })

/**
 * One of them holds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const any = (...conditions: ReadonlyArray<Ready>): Ready =>
  of({ _tag: "Any", conditions: conditions.map(({ condition }) => condition) })

/**
 * It does not hold, as far as has been seen: `not(log(/error/))` holds until an error is seen, so it is of use only
 * together with others.
 *
 * @category combinators
 * @since 0.1.0
 */
export const not = ({ condition }: Ready): Ready => of({ _tag: "Not", condition })

/**
 * How it is waited.
 *
 * @category models
 * @since 0.1.0
 */
export interface WaitOptions {
  /** The deadline. Default one minute. */
  readonly within?: Duration.Input | undefined
  /**
   * When to look again at what tells nothing by itself; when it ends, what was seen last stays. Default: after 50
   * milliseconds, then less and less often, each second at least.
   */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
}

const often = Schedule.min([Schedule.exponential("50 millis", 1.5), Schedule.spaced("1 second")])

/**
 * Waits until a container, by its handle, id or name, is ready.
 *
 * Fails with `ContainerReady`, which has each condition with what was seen of it, the container's state and exit, and its
 * last lines: `TimedOut` at the deadline, `Conflict` as soon as it cannot be any more, `InvalidArgument` for a port that is
 * not published, `NotFound` when there is no such container. Fails with `ContainerOptions` (field `ready`), before the
 * engine is asked, when a condition is none.
 *
 * @category waiting
 * @since 0.1.0
 */
export const wait = Effect.fn("Ready.wait")(function*(
  container: string | { readonly id: string; readonly image?: string | undefined },
  ready: Ready,
  options: WaitOptions = {}
): Effect.fn.Return<void, Errors.ContainerOptions | Errors.ContainerReady, Backend> {
  const { id, image = "" } = typeof container === "string" ? { id: container } : container
  yield* Effect.annotateCurrentSpan("container.id", id)
  const issue = issueOf(ready.condition)
  if (issue !== undefined) return yield* new Errors.ContainerOptions({ image, field: "ready", issue })
  yield* waitFor({ id, image }, ready.condition, {
    within: options.within ?? "1 minute",
    schedule: options.schedule ?? often
  })
})
