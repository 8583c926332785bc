import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { BuildOptions } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import { BuildStatus, type PullStatus } from "../../../Progress.ts"
import { reason } from "../errors.ts"
import type { Images } from "../images/images.ts"
import type { Base } from "./builder.ts"
import { type Dockerfile, type External, position } from "./dockerfile.ts"

const operation = "build"

type Emit = (statuses: ReadonlyArray<BuildStatus>) => Effect.Effect<void>

const statusOf = ({ current, id, status, total }: PullStatus): BuildStatus =>
  BuildStatus.makeUnsafe({ id, status, current, total })

/** Base images come from the engine, and to the engine from their registries: a builder asks nobody. */
export const make = ({ pull, store }: Pick<Images, "pull" | "store">) => {
  const find = ({ name, platform }: External) => store.find(name, { operation, platform })

  const get = Effect.fnUntraced(function*(
    external: External,
    options: BuildOptions,
    emit: Emit
  ): Effect.fn.Return<Base, Errors.Reason> {
    const { name, platform } = external
    const there = options.pull
      ? undefined
      : yield* Effect.catchTag(find(external), "NotFound", () => Effect.undefined)
    if (there !== undefined) return { name, image: there }
    yield* Stream.runForEachArray(pull(name, { platform }), (statuses) => emit(statuses.map(statusOf)))
    return { name, image: yield* find(external) }
  })

  /** All that a Dockerfile takes from other images. What fails, fails at the step that needs it. */
  return Effect.fnUntraced(function*(
    dockerfile: Dockerfile,
    options: BuildOptions,
    emit: Emit
  ): Effect.fn.Return<ReadonlyArray<Base>, Errors.Reason> {
    const found = new Map<string, Base>()
    for (const [index, { base, from, sources }] of dockerfile.stages.entries()) {
      const { first, total } = position(dockerfile, index)
      const announce = emit([
        BuildStatus.makeUnsafe({
          step: { number: first, total, instruction: from.text },
          stream: `Step ${first}/${total} : ${from.text}\n`
        })
      ])
      for (const external of [...base === undefined ? [] : [base], ...sources]) {
        const before = found.get(external.name)
        const got = yield* get(external, before === undefined ? options : { ...options, pull: false }, emit).pipe(
          Effect.tapError(() => announce)
        )
        if (before !== undefined && before.image.digest !== got.image.digest) {
          return yield* reason("Unsupported", {
            operation,
            message: `${external.name} is asked for on two platforms by one Dockerfile`
          })
        }
        found.set(external.name, got)
      }
    }
    return [...found.values()]
  })
}
