import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { VolumeConfig, VolumeInfo } from "../../Backend.ts"
import type * as Errors from "../../Errors.ts"
import * as Filter from "../../Filter.ts"
import { reasons } from "./reasons.ts"
import { refused } from "./store.ts"
import { Tree } from "./tree.ts"
import type { World } from "./world.ts"

export const create = Effect.fnUntraced(function*(
  { volumes }: World,
  { driver = "local", labels, name }: VolumeConfig
): Effect.fn.Return<void, Errors.Reason> {
  if (volumes.has(name)) {
    return yield* reasons("createVolume").alreadyExists(`there is a volume named ${name} already`)
  }
  volumes.set(name, { tree: new Tree(), info: { name, driver, labels, createdAt: yield* DateTime.now } })
})

export const inspect = (
  { volumes }: World,
  name: string,
  operation = "inspectVolume"
): Effect.Effect<VolumeInfo, Errors.Reason> =>
  Effect.suspend(() => {
    const found = volumes.get(name)
    return found === undefined
      ? Effect.fail(reasons(operation).notFound(`there is no volume ${name}`))
      : Effect.succeed(found.info)
  })

export const list = (
  { volumes }: World,
  filter: Filter.Filter
): Effect.Effect<ReadonlyArray<VolumeInfo>, Errors.Reason> =>
  Effect.suspend(() => {
    const found: Array<VolumeInfo> = []
    for (const { info } of volumes.values()) {
      const passes = Filter.matchVolume(filter, info)
      if (Result.isFailure(passes)) return Effect.fail(refused("listVolumes", passes.failure))
      if (passes.success) found.push(info)
    }
    return Effect.succeed(found)
  })

export const remove = Effect.fnUntraced(function*(world: World, name: string): Effect.fn.Return<void, Errors.Reason> {
  const operation = "removeVolume"
  yield* inspect(world, name, operation)
  const isUsed = [...world.containers.values()].some(({ config }) =>
    config.mounts.some((mount) => mount.type === "volume" && mount.source === name)
  )
  if (isUsed) return yield* reasons(operation).conflict(`a container has volume ${name}`)
  world.volumes.delete(name)
})
