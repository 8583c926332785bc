import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { mkdir, realpath } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import type { ContainerdConfig } from "../config.ts"
import { dataFolder, type Environment } from "../environment.ts"
import { fromCause, reason } from "../errors.ts"
import { attach, type Attached } from "./attach.ts"
import * as Launch from "./launch.ts"
import * as Places from "./place.ts"
import type { Plan } from "./plan.ts"
import * as Programs from "./programs.ts"

const operation = "connect"

/** What was said about a private engine. */
export interface Settings {
  readonly when: "needed" | "always" | "never"
  readonly folder: string
  readonly programs: Programs.Wanted
  /** Milliseconds. */
  readonly readyTimeout: number
}

export const settings = (config: ContainerdConfig, environment: Environment): Settings => {
  const { autoStart = false } = config
  const given = typeof autoStart === "object" ? autoStart : {}
  const folder = given.folder ?? environment.EFFECT_CONTAINERS_FOLDER ??
    join(config.folder ?? dataFolder(environment), "private")
  return {
    when: autoStart === false
      ? "never"
      : autoStart === true
      ? "needed"
      : autoStart === "always"
      ? autoStart
      : given.when ?? "needed",
    folder,
    programs: {
      containerd: given.containerd ?? environment.EFFECT_CONTAINERS_CONTAINERD,
      runc: given.runc ?? environment.EFFECT_CONTAINERS_RUNC,
      rootlesskit: given.rootlesskit ?? environment.EFFECT_CONTAINERS_ROOTLESSKIT,
      path: environment.PATH,
      folder,
      isRoot: process.getuid?.() === 0
    },
    readyTimeout: given.readyTimeout ?? 30_000
  }
}

/** Whether one could be started here. Starts nothing. */
export const check = ({ programs }: Settings): Effect.Effect<void, Errors.Reason> =>
  Effect.andThen(Launch.check, Programs.find(programs))

/** A private engine that answers. */
export interface Daemon extends Attached {
  readonly place: Places.Place
}

/** Milliseconds between two looks. */
const pause = 5
const longPause = 25

const obtain = Effect.fnUntraced(function*(
  plan: Plan,
  lock: ReadonlyArray<string>
): Effect.fn.Return<Attached, Errors.Reason, Scope.Scope> {
  const scope = yield* Effect.scope
  // A keeper that was started needs us until we are one of its users.
  const starting = yield* Scope.fork(scope)
  let keeper: Launch.Launched | undefined
  while (true) {
    const own = yield* Scope.fork(scope)
    const attached = yield* Scope.provide(attach(Places.keeper(plan.runtime)), own)
    if (attached !== undefined) {
      yield* Scope.close(starting, Exit.void)
      return attached
    }
    yield* Scope.close(own, Exit.void)
    const ended = keeper?.ended()
    if (typeof ended === "object") return yield* ended
    // Another has the lock: one that is on its way up or down. It comes to be there, or its place is free.
    if (ended === "not needed") yield* Effect.sleep(longPause)
    if (keeper === undefined || ended === "not needed") {
      keeper = yield* Scope.provide(Launch.launch(plan, lock), starting)
    }
    yield* Effect.sleep(pause)
  }
})

/** Clears up in the place of a keeper that was killed. */
const sweep = (plan: Plan, lock: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.scoped(Effect.gen(function*() {
    const keeper = yield* Launch.launch({ ...plan, sweep: true }, lock)
    while (keeper.ended() === undefined) yield* Effect.sleep(pause)
    const ended = keeper.ended()
    if (typeof ended === "object") return yield* ended
  })).pipe(
    Effect.timeout(plan.patience),
    Effect.catch((error) => Effect.logWarning(`the private engine was lost, and is not cleared up: ${error.message}`))
  )

/**
 * The private engine of a folder: the one that runs, or else it is started. It runs as long as anybody uses it, and the
 * last one that leaves waits until nothing of it is left but its images.
 */
export const start = Effect.fnUntraced(function*(
  settings: Settings,
  environment: Environment
): Effect.fn.Return<Daemon, Errors.Reason, Scope.Scope> {
  yield* Launch.check
  const { containerd, enter, lock, path, runc } = yield* Programs.find(settings.programs)
  const folder = yield* Effect.tryPromise({
    try: async () => {
      await mkdir(settings.folder, { recursive: true, mode: 0o700 })
      return realpath(settings.folder)
    },
    catch: (cause) => fromCause(operation, cause)
  })
  const place = Places.of(folder, { uid: process.getuid?.() ?? 0, runtime: environment.XDG_RUNTIME_DIR })
  const plan: Plan = { ...place, containerd, enter, runc, path, patience: settings.readyTimeout, sweep: false }
  const attached = yield* Effect.timeoutOrElse(obtain(plan, lock), {
    duration: settings.readyTimeout,
    orElse: () =>
      Effect.fail(reason("TimedOut", {
        operation,
        message: `no private engine was ready within ${settings.readyTimeout} ms`,
        hint: `what it said is in ${Places.log(folder)}`
      }))
  })
  yield* Effect.addFinalizer(() => attached.isLost() ? sweep(plan, lock) : Effect.void)
  return { ...attached, place }
})
