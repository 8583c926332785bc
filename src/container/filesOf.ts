import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Backend } from "../Backend.ts"

interface Home {
  readonly backend: Backend["Service"]
  /** Its id or name. */
  readonly container: string
}

const homes = new WeakMap<FileSystem.FileSystem, Home>()

/** Remembers that these are the files of a container. */
export const mark = (fs: FileSystem.FileSystem, home: Home): FileSystem.FileSystem => {
  homes.set(fs, home)
  return fs
}

/** Whether these are the files of this container. `false` when the engine knows none of that name. */
export const are = (fs: FileSystem.FileSystem, { backend, container }: Home): Effect.Effect<boolean> => {
  const home = homes.get(fs)
  if (home === undefined || home.backend !== backend) return Effect.succeed(false)
  if (home.container === container) return Effect.succeed(true)
  const id = (container: string) => Effect.map(backend.inspect(container), ({ id }) => id)
  return Effect.zipWith(id(home.container), id(container), (one, other) => one === other).pipe(
    // What is wrong with the container the copy will say.
    Effect.orElseSucceed(() => false)
  )
}
