import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { Backend } from "../Backend.ts"
import type * as Container from "../Container.ts"
import { entries, isNoFile, stat } from "./archive.ts"
import { attempt } from "./command.ts"
import type { At } from "./failure.ts"
import { typeOf } from "./info.ts"

/** As often as a name is printed: not every `find` can say what something is, but every one can print. */
const types: ReadonlyArray<readonly [letter: string, type: FileSystem.File.Type]> = [
  ["f", "File"],
  ["d", "Directory"],
  ["l", "SymbolicLink"],
  ["p", "FIFO"],
  ["s", "Socket"],
  ["c", "CharacterDevice"],
  ["b", "BlockDevice"]
]

const expression = [
  "-print0",
  "(",
  ...types.flatMap(([letter], n) => [
    ...n === 0 ? [] : ["-o"],
    "-type",
    letter,
    ...Array.from({ length: n }, () => "-print0")
  ]),
  ")"
]

/** What `find` has printed: names that end with a NUL, since they may have anything else. */
const read = (output: Buffer, prefix: string): Array<FileSystem.DirectoryEntry> => {
  const found = new Map<string, number>()
  for (const path of output.toString().split("\0")) {
    if (path.startsWith(prefix)) {
      const name = path.slice(prefix.length)
      found.set(name, (found.get(name) ?? -1) + 1)
    }
  }
  return Array.from(found, ([name, n]) => ({ name, type: types[n]?.[1] ?? "Unknown" }))
}

/** Where there is no `find`, or nothing runs: a whole archive is looked through. */
const fromArchive = Effect.fnUntraced(function*(
  container: Container.Target,
  at: At,
  path: string,
  recursive: boolean
): Effect.fn.Return<Array<FileSystem.DirectoryEntry>, PlatformError, Backend> {
  const { header, path: real } = yield* stat(container, at, path)
  if (header.type !== "Directory") return yield* isNoFile(at, header)
  const found: Array<FileSystem.DirectoryEntry> = []
  let root: string | undefined
  yield* Stream.runForEach(entries(container, at, real), ({ header }) =>
    Effect.sync(() => {
      const name = header.path.replace(/^(?:\.\/)+/, "").replace(/\/$/, "")
      if (root === undefined) {
        root = name === "" || name === "." ? "" : `${name}/`
        return
      }
      const below = name.slice(root.length)
      if (below !== "" && (recursive || !below.includes("/"))) found.push({ name: below, type: typeOf(header) })
    }))
  return found
})

/** What is in a directory. */
export const list = (
  container: Container.Target,
  at: At,
  path: string,
  recursive = false
): Effect.Effect<Array<FileSystem.DirectoryEntry>, PlatformError, Backend> => {
  // What is behind a link is meant.
  const within = path === "/" ? "/." : `${path}/.`
  const depth = ["-mindepth", "1", ...recursive ? [] : ["-maxdepth", "1"]]
  return attempt(container, at, ["find", within, ...depth, ...expression]).pipe(
    Effect.map((output) => read(output, `${within}/`)),
    Effect.catchTag("Unrunnable", () => fromArchive(container, at, path, recursive))
  )
}
