import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { posix } from "node:path"
import type * as Errors from "../../Errors.ts"
import * as ExitStatus from "../../ExitStatus.ts"
import { get } from "./containers.ts"
import { reasons } from "./reasons.ts"
import type { World } from "./world.ts"

/** What a real engine needs a shell of the container for. */
export const reset = Effect.fnUntraced(function*(
  world: World,
  id: string,
  scratch: ReadonlyArray<string>
): Effect.fn.Return<void, Errors.Reason> {
  const { execs, files, process } = yield* get(world, "reset", id)
  const { conflict } = reasons("reset")
  if (process === undefined) return yield* conflict(`container ${id} does not run`)
  for (const exec of execs) exec.kill(new ExitStatus.Killed({ signal: "SIGKILL" }))
  for (const path of scratch) {
    const isDirectory = Result.getOrUndefined(files.look(path))?.type === "directory"
    if (!isDirectory) return yield* conflict(`container ${id} could not be reset: ${path} is no directory any more`)
    for (const name of yield* Effect.fromResult(files.list(path))) {
      yield* Effect.fromResult(files.remove(posix.join(path, name)))
    }
  }
})
