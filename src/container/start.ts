import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Backend } from "../Backend.ts"
import * as Errors from "../Errors.ts"
import { imageName } from "./config.ts"
import { create as createScoped } from "./create.ts"
import type { Container } from "./description.ts"
import { type ContainerHandle, handleOf } from "./handle.ts"
import { feed } from "./launch.ts"
import * as TimeLimit from "./timeLimit.ts"

/**
 * A container that was created and does not run yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreatedContainer {
  readonly id: string
  readonly image: string
  readonly name: string
  /** Starts it. The scope that is open now stops it, unless it was created with `detach`. */
  readonly start: Effect.Effect<
    ContainerHandle,
    Errors.ContainerStart | Errors.ContainerAttach,
    Scope.Scope
  >
}

/**
 * @category models
 * @since 0.1.0
 */
export interface StartOptions {
  /** Keep standard input open for the handle's `stdin`. Default `false`. */
  readonly stdin?: boolean | undefined
  /**
   * Let it go on when the scope closes, and when this program ends: it is then for somebody to find it by its name or
   * labels, and to remove it. `Container.sweep` removes it when its lease (`Container.lease`) is over. Default `false`.
   */
  readonly detach?: boolean | undefined
}

/**
 * Creates a container without starting it, and removes it when the scope closes.
 *
 * @category starting
 * @since 0.1.0
 */
export const create = Effect.fn("Container.create")(function*(
  self: Container,
  options?: StartOptions
): Effect.fn.Return<
  CreatedContainer,
  Errors.ContainerOptions | Errors.ImagePull | Errors.ContainerCreate,
  Backend | Scope.Scope
> {
  const backend = yield* Backend
  yield* Effect.annotateCurrentSpan("container.image.name", imageName(self))
  const open = options?.stdin === true
  const detach = options?.detach === true
  if (detach && self.options.timeLimit !== undefined) {
    return yield* new Errors.ContainerOptions({
      image: imageName(self),
      field: "timeLimit",
      issue: "nobody is there to end a container that outlives its program: give it a lease instead"
    })
  }
  // One that could not be started is removed all the same.
  let isStarted = false
  const { config, id, image, stopGrace, timeLimit } = yield* createScoped(self, {
    background: false,
    openStdin: open,
    detached: detach ? () => isStarted : undefined
  })
  yield* Effect.annotateCurrentSpan({ "container.id": id, "container.name": config.name })

  const begin = Effect.fnUntraced(function*(): Effect.fn.Return<
    ContainerHandle,
    Errors.ContainerStart | Errors.ContainerAttach,
    Scope.Scope
  > {
    // Output is read from what the engine keeps, so only input has to be attached to, and before it starts.
    const attachment = config.stdin
      ? yield* backend.attach(id, { stdin: true, output: false, tty: config.tty })
      : undefined
    yield* Effect.uninterruptible(Effect.andThen(
      backend.start(id),
      detach
        ? Effect.sync(() => {
          isStarted = true
        })
        // One that cannot be stopped is removed by force next, and what that cannot do is logged.
        : Effect.addFinalizer(() => Effect.ignore(backend.stop(id, { grace: stopGrace })))
    ))
    yield* TimeLimit.begin(backend, id, timeLimit)
    if (attachment !== undefined && self.options.stdin !== undefined && !open) {
      yield* Effect.forkScoped(feed(self.options.stdin, attachment))
    }
    return handleOf(backend, {
      id,
      image,
      name: config.name!,
      stopGrace,
      stdin: attachment !== undefined && open ? attachment.stdin : undefined
    })
  })

  return { id, image, name: config.name!, start: begin() }
})

/**
 * Starts a container and gives a handle to it. When the scope closes, it is stopped (asked to end, killed after a grace,
 * see `Container.stopWith`) and removed; with `detach` it goes on.
 *
 * @category starting
 * @since 0.1.0
 */
export const start = Effect.fn("Container.start")(function*(
  self: Container,
  options?: StartOptions
): Effect.fn.Return<
  ContainerHandle,
  | Errors.ContainerOptions
  | Errors.ImagePull
  | Errors.ContainerCreate
  | Errors.ContainerStart
  | Errors.ContainerAttach,
  Backend | Scope.Scope
> {
  yield* Effect.annotateCurrentSpan("container.image.name", imageName(self))
  const created = yield* create(self, options)
  return yield* created.start
})
