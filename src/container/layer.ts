import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Backend } from "../Backend.ts"
import type * as Errors from "../Errors.ts"
import * as Ready from "../Ready.ts"
import { type Container, isContainer } from "./description.ts"
import type { ContainerHandle } from "./handle.ts"
import { start } from "./start.ts"

/**
 * What starting a service can fail with.
 *
 * @category models
 * @since 0.1.0
 */
export type ServiceError =
  | Errors.ContainerOptions
  | Errors.ImagePull
  | Errors.ContainerCreate
  | Errors.ContainerStart
  | Errors.ContainerAttach
  | Errors.ContainerReady

/**
 * How a container becomes a service.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions<S, E, R> {
  /** When it can be used. Default: when it was started. */
  readonly ready?: Ready.Ready | undefined
  /** How long it may take to become ready. Default one minute. */
  readonly within?: Duration.Input | undefined
  /** See `Ready.wait`. */
  readonly schedule?: Schedule.Schedule<unknown> | undefined
  /** The service, of the container that is ready: its address, a client, ... What it acquires is released before the container. */
  readonly make: (container: ContainerHandle) => Effect.Effect<S, E, R>
}

/**
 * A service that a container gives, as a Layer: it is started and waited for when the Layer is built, stopped and removed
 * when its scope closes. What it depends on are dependencies of the Layer: the description may be an Effect that asks for
 * other services. Layers that do not depend on each other start at the same time.
 *
 * **Example** (An application that needs a database)
 *
 * ```ts import.meta.vitest
 * import { Context, Effect, Layer } from "effect"
 * import { Container, Ready } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * class Database extends Context.Service<Database, { readonly url: string }>()("Database") {}
 * class App extends Context.Service<App, { readonly id: string; readonly says: string }>()("App") {}
 *
 * const database = Container.layer(Database, Container.make("postgres").pipe(Container.port(5432)), {
 *   ready: Ready.log("ready to accept connections"),
 *   make: (db) => Effect.map(db.port(5432), () => ({ url: `postgres://${db.name}/app` }))
 * })
 * const app = Container.layer(
 *   App,
 *   Effect.map(Database, ({ url }) => Container.make("app").pipe(Container.variable("DATABASE_URL", url))),
 *   { make: (app) => Effect.map(Container.execString(app, ["env"]), (says) => ({ id: app.id, says })) }
 * ).pipe(Layer.provide(database))
 *
 * const engine = Memory.layer({
 *   images: [
 *     Memory.image("postgres", ({ stdout }) => Effect.andThen(stdout("ready to accept connections\n"), Effect.never)),
 *     Memory.image("app", () => Effect.never, { exec: ({ env }) => ({ stdout: String(env.DATABASE_URL) }) })
 *   ]
 * })
 * const program = Effect.map(App, ({ says }) => says.startsWith("postgres://")).pipe(
 *   Effect.provide(Layer.provide(app, engine))
 * )
 * await Effect.runPromise(program) // => true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <I, S, E, R, E2 = never, R2 = never>(
  tag: Context.Key<I, S>,
  container: Container | Effect.Effect<Container, E2, R2>,
  options: LayerOptions<S, E, R>
): Layer.Layer<I, ServiceError | E | E2, Backend | Exclude<R, Scope.Scope> | Exclude<R2, Scope.Scope>> =>
  Layer.effect(
    tag,
    Effect.gen(function*() {
      const self = isContainer(container) ? container : yield* container
      const handle = yield* start(self)
      const { make, ready, schedule, within } = options
      if (ready !== undefined) yield* Ready.wait(handle, ready, { schedule, within })
      return yield* make(handle)
    })
  )
