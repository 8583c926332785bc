import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Errors from "../../Errors.ts"
import type { FileSystem } from "./files.ts"
import type { Files } from "./recipe.ts"
import { type Answer, bytesOf, operation } from "./tree.ts"

const decoder = new TextDecoder()

/** As a recipe sees them. */
export const filesOf = (system: FileSystem): Files => {
  const answer = <A>(run: () => Answer<A>): Effect.Effect<A, Errors.Reason> =>
    Effect.suspend(() => Effect.fromResult(run()))
  const read = (path: string): Answer<Uint8Array> =>
    Result.flatMap(
      system.get(path),
      (node) =>
        node.type === "file"
          ? Result.succeed(node.bytes.slice())
          : Result.fail(new Errors.InvalidArgument({ operation, message: `${path}: is a directory` }))
    )
  return {
    read: (path) => answer(() => read(path)),
    readText: (path) => answer(() => Result.map(read(path), (bytes) => decoder.decode(bytes))),
    write: (path, content) =>
      Effect.clockWith((clock) =>
        answer(() =>
          system.put(path, {
            type: "file",
            bytes: bytesOf(content),
            mode: 0o644,
            mtime: new Date(clock.currentTimeMillisUnsafe())
          })
        )
      ),
    list: (path) => answer(() => system.list(path)),
    exists: (path) => Effect.sync(() => Result.isSuccess(system.get(path))),
    makeDirectory: (path) =>
      Effect.clockWith((clock) =>
        answer(() =>
          system.put(path, { type: "directory", mode: 0o755, mtime: new Date(clock.currentTimeMillisUnsafe()) })
        )
      ),
    remove: (path) => answer(() => system.remove(path)),
    lstat: (path) =>
      answer(() =>
        Result.map(system.look(path), (node) => ({
          type: node.type,
          mode: node.type === "symlink" ? 0o777 : node.mode,
          uid: node.uid ?? 0,
          gid: node.gid ?? 0,
          size: node.type === "file" ? node.bytes.length : 0,
          mtime: node.mtime,
          target: node.type === "symlink" ? node.target : undefined
        }))
      ),
    change: (path, attributes) => answer(() => system.change(path, attributes)),
    symlink: (target, path) =>
      Effect.clockWith((clock) =>
        answer(() => system.put(path, { type: "symlink", target, mtime: new Date(clock.currentTimeMillisUnsafe()) }))
      ),
    rename: (from, to) => answer(() => system.rename(from, to))
  }
}
