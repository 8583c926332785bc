import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Backend } from "../Backend.ts"
import { isLost } from "../backend/removal.ts"
import type * as Errors from "../Errors.ts"
import { ImagePull } from "../Errors.ts"
import * as Owner from "../Owner.ts"
import { imageName, settle, type Settled } from "./config.ts"
import type { Container } from "./description.ts"

/** A container that the engine has and that the scope removes. */
export interface Created extends Settled {
  readonly id: string
  readonly image: string
}

/** How long the removal of a container may take. */
const removalDeadline = "30 seconds"

/** For so long an engine is waited for that has gone away, being started again for one: milliseconds. */
const removalPatience = 10_000

/** Between two looks at whether an engine is back that was away for longer than that. */
const rest = "5 seconds"

/** What the engine did not remove in time it is asked to remove for as long as the Layer is open. */
const removedLater = (backend: Backend["Service"], id: string): Effect.Effect<void> =>
  backend.whileOpen(
    Effect.sleep(rest).pipe(
      Effect.andThen(backend.remove(id, { force: true })),
      Effect.retry({ while: (error) => error.isRetryable }),
      Effect.catchReason("ContainerRemove", "NotFound", () => Effect.void),
      Effect.catch((error) => Effect.logWarning(`container ${id} cannot be removed: ${error.message}`))
    )
  )

/**
 * Removes a container whatever it does, and never fails: there is nobody left to handle it. What could not be removed is
 * logged; it is tried again while the Layer is open, and then for `sweep`. A name that others may take meanwhile is not `own`.
 */
export const removal = (backend: Backend["Service"], id: string, own = true): Effect.Effect<void> =>
  backend.remove(id, { force: true }).pipe(
    Effect.retry({ times: 2, while: (error) => error.isRetryable }),
    Effect.catchIf(
      (error) => error.isRetryable,
      () => backend.remove(id, { force: true, patience: removalPatience })
    ),
    Effect.catchReason("ContainerRemove", "NotFound", () => Effect.void),
    Effect.timeout(removalDeadline),
    Effect.catch((error) =>
      Effect.andThen(
        Effect.logWarning(`container ${id} is left behind, for Container.sweep to remove: ${error.message}`),
        own && (error._tag === "TimeoutError" || error.isRetryable) ? removedLater(backend, id) : Effect.void
      )
    )
  )

const pullImage = (backend: Backend["Service"], self: Container): Effect.Effect<void, Errors.ImagePull> =>
  backend.pull(imageName(self), { platform: self.options.platform }).pipe(
    Stream.runDrain,
    Effect.mapError(({ image, reason }) => new ImagePull({ image, reason }))
  )

/**
 * Checks the description, gets the image as its pull policy says, creates the container and makes the scope remove it.
 *
 * Creating cannot be interrupted, so that there is no moment at which a container exists that nobody would remove. Engines
 * give it a deadline.
 */
export const create = Effect.fnUntraced(function*(
  self: Container,
  options: {
    /** Whether the removal may go on after the scope has closed. */
    readonly background: boolean
    /** Whether somebody will write to standard input whom the description does not know. */
    readonly openStdin?: boolean
    /** It is to outlive the scope, once this says so. */
    readonly detached?: (() => boolean) | undefined
  }
): Effect.fn.Return<
  Created,
  Errors.ContainerOptions | Errors.ImagePull | Errors.ContainerCreate,
  Backend | Scope.Scope
> {
  const backend = yield* Backend
  const checked = yield* settle(self, backend.capabilities)
  const settled: Settled = {
    ...checked,
    config: {
      ...checked.config,
      ...(options.openStdin === true ? { stdin: true } : {}),
      // A run is not asked to stop: it ends, or is killed.
      ...(options.background ? {} : { stopGrace: checked.stopGrace }),
      ...(options.detached === undefined
        ? {}
        : { labels: { ...checked.config.labels, [Owner.labels.owner]: Owner.nobody } })
    }
  }
  const image = imageName(self)
  const policy = typeof self.image === "string" ? self.options.pull ?? "missing" : "never"

  const once = Effect.uninterruptible(Effect.gen(function*() {
    const id = yield* backend.create(settled.config).pipe(
      Effect.tapError((error) =>
        isLost(error.reason)
          ? backend.background(removal(backend, settled.config.name!, self.options.name === undefined))
          : Effect.void
      )
    )
    yield* Effect.addFinalizer((exit) =>
      options.detached?.() === true
        ? Effect.void
        // Whoever interrupts wants it gone when the interruption is over; so does whoever gave it a name or a port, since
        // the next container could not have them. Otherwise nobody has to wait.
        : options.background && !Exit.hasInterrupts(exit) && self.options.name === undefined &&
            self.options.ports.length === 0
        ? backend.background(removal(backend, id))
        : removal(backend, id)
    )
    return id
  }))

  if (policy === "always") yield* pullImage(backend, self)
  // First create, then pull if the image turns out to be missing: nothing is asked in vain when it is there.
  const id = policy === "missing"
    ? yield* Effect.catchReason(
      once,
      "ContainerCreate",
      "NotFound",
      () => Effect.andThen(pullImage(backend, self), once)
    )
    : yield* once
  return { ...settled, id, image }
})
