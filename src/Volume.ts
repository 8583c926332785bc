/**
 * Volumes: directories that the engine keeps, which several containers can have, at a time or one after the other, and
 * which go with their scope.
 *
 * **Example** (What one container writes, the next one reads)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Container, Volume } from "effect-containers"
 *
 * const program = Effect.gen(function*() {
 *   const out = yield* Volume.make()
 *   const tools = Container.make("gcc:14").pipe(Container.volume(out, "/out"))
 *   yield* Container.run(Container.command(tools, "echo 'int main() {}' > /out/a.c"))
 *   yield* Container.run(Container.command(tools, ["gcc", "-o", "/out/a", "/out/a.c"]))
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { Backend, type VolumeInfo } from "./Backend.ts"
import * as Removal from "./backend/removal.ts"
import * as Errors from "./Errors.ts"
import * as Filter from "./Filter.ts"
import * as Owner from "./Owner.ts"

/**
 * A volume that the engine has.
 *
 * @category models
 * @since 0.1.0
 */
export interface Volume {
  readonly name: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface MakeOptions {
  /** Default: a name that no other has. */
  readonly name?: string | undefined
  /** Default: the engine's own, `"local"`. */
  readonly driver?: string | undefined
  /** What only the driver understands. */
  readonly options?: Readonly<Record<string, string>> | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** After so long `Container.sweep` removes it, whoever is alive. Default: when its program is dead. */
  readonly lease?: Duration.Input | undefined
}

const names = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

const checked = Effect.fnUntraced(function*(name: string): Effect.fn.Return<string, Errors.VolumeOptions> {
  if (names.test(name)) return name
  const issue = `${JSON.stringify(name)} is not a name: letters, digits, "_", "." and "-", from the second on`
  return yield* new Errors.VolumeOptions({ volume: name, field: "name", issue })
})

/**
 * Makes a volume, and removes it with all that is in it when the scope closes. A container that still has it is waited
 * for, 30 seconds at most.
 *
 * Fails with `VolumeOptions` before any engine is called, and with `VolumeCreate`: `AlreadyExists` for a name that is
 * taken, `Unsupported` on an engine that keeps no volumes.
 *
 * @category making
 * @since 0.1.0
 */
export const make = Effect.fn("Volume.make")(function*(
  options: MakeOptions = {}
): Effect.fn.Return<Volume, Errors.VolumeOptions | Errors.VolumeCreate, Backend | Scope.Scope> {
  const backend = yield* Backend
  const name = yield* checked(options.name ?? `effect-containers-${randomBytes(8).toString("hex")}`)
  const labels = { ...yield* Owner.labelled(options.lease), ...options.labels }
  const removal = Removal.patient(`volume ${name}`, backend.removeVolume(name))
  yield* Effect.acquireRelease(
    Effect.tapError(
      backend.createVolume({ name, driver: options.driver, options: options.options ?? {}, labels }),
      ({ reason }) => Removal.isLost(reason) ? backend.background(removal) : Effect.void
    ),
    () => removal
  )
  return { name }
})

/**
 * Sees to it that there is a volume of this name, and leaves it there: for what is to outlive the program, such as a
 * cache. Fails with `VolumeOptions` and `VolumeCreate`.
 *
 * @category making
 * @since 0.1.0
 */
export const ensure = Effect.fn("Volume.ensure")(function*(
  name: string,
  options: Omit<MakeOptions, "name" | "lease"> = {}
): Effect.fn.Return<Volume, Errors.VolumeOptions | Errors.VolumeCreate, Backend> {
  const backend = yield* Backend
  const { driver } = options
  const labels = { [Owner.labels.version]: Owner.version, [Owner.labels.owner]: Owner.nobody, ...options.labels }
  yield* backend.createVolume({ name: yield* checked(name), driver, options: options.options ?? {}, labels }).pipe(
    Effect.catchReason("VolumeCreate", "AlreadyExists", () => Effect.void)
  )
  return { name }
})

/**
 * The volumes that pass a filter (`Filter.label`, `Filter.name`). Default: all. Fails with `VolumeList`.
 *
 * @category managing
 * @since 0.1.0
 */
export const list = Effect.fn("Volume.list")(function*(
  filter: Filter.Filter = Filter.all
): Effect.fn.Return<ReadonlyArray<VolumeInfo>, Errors.VolumeList, Backend> {
  return yield* (yield* Backend).listVolumes(filter)
})

/**
 * What the engine knows of a volume. Fails with `VolumeInspect`.
 *
 * @category managing
 * @since 0.1.0
 */
export const inspect = Effect.fn("Volume.inspect")(function*(
  volume: string
): Effect.fn.Return<VolumeInfo, Errors.VolumeInspect, Backend> {
  return yield* (yield* Backend).inspectVolume(volume)
})

/**
 * Removes a volume with all that is in it. Fails with `VolumeRemove`: `Conflict` while a container has it, running or
 * not.
 *
 * @category managing
 * @since 0.1.0
 */
export const remove = Effect.fn("Volume.remove")(function*(
  volume: string
): Effect.fn.Return<void, Errors.VolumeRemove, Backend> {
  yield* (yield* Backend).removeVolume(volume)
})
