import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Stream from "effect/Stream"
import { posix } from "node:path"
import type * as Errors from "../../../Errors.ts"
import { reason } from "../errors.ts"
import type { Content } from "./content.ts"
import { decompressed } from "./decompress.ts"
import type { Descriptor } from "./manifest.ts"

/** A file that is looked for. */
interface Search {
  readonly wanted: string
  /** Where it is looked for: links have led there. */
  readonly path: string
  /** The topmost layer that is looked into. */
  readonly from: number
  readonly links: number
}

/** What a layer says of a path. */
type Finding =
  | { readonly type: "file"; readonly text: string | undefined }
  | { readonly type: "symlink" | "hardlink"; readonly path: string }
  /** Something else is there, or on the way there. */
  | { readonly type: "other" }

interface Findings {
  finding: Finding | undefined
  /** Lower layers have nothing to say of it any more. */
  isHidden: boolean
}

/** How many links are followed, as the kernel has it. */
const mostLinks = 40

/** Larger files are as if they were not there: bytes. */
const longest = 4 * 1024 * 1024

const whiteout = ".wh."
const opaque = ".wh..wh..opq"

const isOnWay = (path: string, to: string): boolean => path === "/" || to.startsWith(`${path}/`)

/** What an entry of a layer says of a path; `directories` are those that upper layers have. */
const said = <E>(
  { body, header }: Tar.Entry<E>,
  at: string,
  path: string,
  directories: ReadonlySet<string>
): Effect.Effect<Finding | "hidden" | undefined, E> => {
  const base = posix.basename(at)
  if (base === opaque) return Effect.succeed(isOnWay(posix.dirname(at), path) ? "hidden" : undefined)
  if (base.startsWith(whiteout)) {
    const gone = posix.join(posix.dirname(at), base.slice(whiteout.length))
    return Effect.succeed(gone === path || isOnWay(gone, path) ? "hidden" : undefined)
  }
  const isItself = at === path
  if (!isItself && (header.type === "Directory" || !isOnWay(at, path))) return Effect.undefined
  // An upper layer has put a directory in the place of this.
  if (!isItself && directories.has(at)) return Effect.succeed({ type: "other" })
  const { linkTarget = "" } = header
  if (header.type === "Symlink") {
    const leads = posix.resolve(posix.dirname(at), linkTarget)
    return Effect.succeed({ type: "symlink", path: posix.join(leads, path.slice(at.length)) })
  }
  if (!isItself) return Effect.succeed({ type: "other" })
  if (header.type === "Hardlink") return Effect.succeed({ type: "hardlink", path: posix.resolve("/", linkTarget) })
  if (header.type !== "File") return Effect.succeed({ type: "other" })
  return header.size > longest
    ? Effect.succeed({ type: "file", text: undefined })
    : Effect.map(Stream.runCollect(body), (chunks) => ({ type: "file", text: Buffer.concat(chunks).toString("utf8") }))
}

/**
 * Reads small text files of an image out of its layers, which are given from the lowest to the top: each from its
 * beginning to its end, with no more kept of it than those files. What is not there is `undefined`.
 */
export const read = Effect.fnUntraced(function*(
  content: Pick<Content, "stream">,
  layers: ReadonlyArray<Pick<Descriptor, "digest">>,
  paths: ReadonlyArray<string>,
  operation: string
): Effect.fn.Return<ReadonlyMap<string, string | undefined>, Errors.Reason> {
  const found = new Map<string, string | undefined>()

  const scan = (digest: string, searches: ReadonlyArray<Search>, directories: Set<string>) => {
    const findings = new Map(searches.map((search): [Search, Findings] => [
      search,
      { finding: undefined, isHidden: false }
    ]))
    const own: Array<string> = []
    return decompressed(content.stream(digest, { operation }), operation).pipe(
      Stream.pipeThroughChannel(Tar.decode()),
      Stream.runForEach(Effect.fnUntraced(function*(entry) {
        const at = posix.resolve("/", entry.header.path)
        for (const [{ path }, all] of findings) {
          if (entry.header.type === "Directory" && isOnWay(at, path)) own.push(at)
          const one = yield* said(entry, at, path, directories)
          if (one === "hidden") all.isHidden = true
          // Whatever comes later takes the place of what came before.
          else if (one !== undefined) all.finding = one
        }
      })),
      Effect.mapError((error) =>
        Tar.isTarError(error)
          ? reason("Protocol", { operation, message: `${digest} is no layer: ${error.message}`, cause: error })
          : error
      ),
      Effect.map(() => {
        for (const path of own) directories.add(path)
        return findings
      })
    )
  }

  let searches = paths.map((path): Search => ({ wanted: path, path: posix.resolve("/", path), from: 0, links: 0 }))
  while (searches.length > 0) {
    const next: Array<Search> = []
    const directories = new Set<string>()
    let open: ReadonlyArray<Search> = searches
    for (const [n, { digest }] of layers.toReversed().entries()) {
      const now = open.filter(({ from }) => from <= n)
      if (now.length === 0) continue
      for (const [search, { finding, isHidden }] of yield* scan(digest, now, directories)) {
        if (finding === undefined && !isHidden) continue
        open = open.filter((one) => one !== search)
        if (finding?.type === "file") found.set(search.wanted, finding.text)
        if ((finding?.type === "symlink" || finding?.type === "hardlink") && search.links < mostLinks) {
          // The other name of a file is one of the same layer.
          const from = finding.type === "hardlink" ? n : 0
          next.push({ ...search, path: finding.path, from, links: search.links + 1 })
        }
      }
    }
    searches = next
  }
  return found
})
