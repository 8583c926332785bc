import * as NodeSink from "@effect/platform-node-shared/NodeSink"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { createWriteStream } from "node:fs"
import { readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import type * as Errors from "../../../../Errors.ts"
import { fromCause, reason } from "../../errors.ts"
import * as Keyed from "../../images/keyed.ts"
import * as Platform from "../../images/platform.ts"
import { ifThere } from "../../there.ts"
import type { Base } from "../builder.ts"
import * as Process from "../process.ts"
import { isDead } from "../workspace.ts"
import { type Program, storeOf } from "./program.ts"

const operation = "build"

/** What the layers of the store may have before it is emptied: bytes. */
const limit = 20 * 1024 ** 3

/** More builds than there ever are at once. */
const everybody = 1_000_000

/** Where Buildah keeps base images and the layers of earlier builds, so that they need not be built again. */
export interface Store {
  /** A command of Buildah's on this store. */
  readonly command: (args: ReadonlyArray<string>, folder: string) => Process.Command
  /** Brings an image of containerd's, unless it is there; gives its name in the store. */
  readonly bring: (base: Base, folder: string) => Effect.Effect<string, Errors.Reason>
  /** Removes what the build of this id has left in the store. */
  readonly clean: (id: string, folder: string) => Effect.Effect<void>
  /** The store is not emptied in the meantime. */
  readonly using: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Empties the store when it is too large and nobody uses it. */
  readonly bound: (folder: string) => Effect.Effect<void>
}

/** Images come from containerd, which has checked them; the machine's own rules are for those who ask a registry. */
export const policy = JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] })

/** By which rules images are taken: those in a build's folder. */
export const trust = (folder: string): ReadonlyArray<string> => ["--signature-policy", join(folder, "policy.json")]

/** How Buildah marks a working container with the build it is for: what it was told of secrets, none of which is used. */
export const marker = (id: string, folder: string): ReadonlyArray<string> => [
  "--secret",
  `id=${id},src=${join(folder, "empty")}`
]

const namesIn = async (folder: string): Promise<ReadonlyArray<string>> => await ifThere(readdir(folder)) ?? []

const textOf = async (path: string): Promise<string> => await ifThere(readFile(path, "utf8")) ?? ""

/** The working containers of a store, each with the id of the build that made it. */
const containers = async (root: string): Promise<ReadonlyArray<{ readonly id: string; readonly build: string }>> => {
  const found: Array<{ readonly id: string; readonly build: string }> = []
  for (const kind of await namesIn(root)) {
    if (!kind.endsWith("-containers")) continue
    for (const id of await namesIn(join(root, kind))) {
      const state = await textOf(join(root, kind, id, "userdata", "buildah.json"))
      const build = /"id=(efc-[0-9a-f-]+),src=/.exec(state)?.[1]
      if (build !== undefined) found.push({ id, build })
    }
  }
  return found
}

/** The bytes of all layers, as the store's own lists have them. */
const sizeOf = async (root: string): Promise<number> => {
  let sum = 0
  for (const kind of await namesIn(root)) {
    if (!kind.endsWith("-layers")) continue
    const text = await textOf(join(root, kind, "layers.json"))
    for (const [, size] of text.matchAll(/"diff-size":(\d+)/g)) sum += Number(size)
  }
  return sum
}

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, Errors.Reason> =>
  Effect.tryPromise({ try: run, catch: (cause) => fromCause(operation, cause) })

export const make = (
  program: Program,
  folder: string,
  exported: (image: string) => Stream.Stream<Uint8Array, Errors.Reason>
): Store => {
  const { root, run } = storeOf(folder)
  const users = Semaphore.makeUnsafe(everybody)
  const { withLock } = Keyed.make()

  const command: Store["command"] = (args, work) => ({
    command: [...program.enter, program.buildah, "--root", root, "--runroot", run, ...args],
    env: { ...program.env, TMPDIR: work },
    cwd: work
  })

  const checked = Effect.fnUntraced(function*(args: ReadonlyArray<string>, work: string) {
    const { code, text } = yield* Process.run(command(args, work))
    return code === 0 ? text : yield* reason("Internal", {
      operation,
      message: `buildah ${args[0] ?? ""}: ${text.trim().split("\n").slice(-5).join("\n")}`,
      code
    })
  })

  const removeOf = (work: string, isTheirs: (build: string) => Promise<boolean>): Effect.Effect<void> =>
    Effect.gen(function*() {
      const ids = yield* attempt(async () => {
        const ids: Array<string> = []
        for (const { build, id } of await containers(root)) if (await isTheirs(build)) ids.push(id)
        return ids
      })
      if (ids.length > 0) yield* checked(["rm", ...ids], work)
    }).pipe(Effect.catch((error) => Effect.logWarning(`a working container of a build is left: ${error.message}`)))

  return {
    command,
    bring: ({ image, name }, work) => {
      const hex = image.digest.replace(/^\w+:/, "")
      const reference = `localhost/effect-containers/base:${hex}`
      const archive = join(work, `base-${hex}.tar`)
      const isThere = Effect.map(
        Process.run(command(["inspect", "--type", "image", "--format", "{{.FromImageID}}", reference], work)),
        ({ code }) => code === 0
      )
      const { architecture = "", os = "linux", variant = "" } = image.config
      const platform = Platform.normalised({ architecture, os, variant })
      const pull = Effect.gen(function*() {
        yield* Stream.run(
          exported(image.target.digest),
          NodeSink.fromWritable({
            evaluate: () => createWriteStream(archive, { mode: 0o600 }),
            onError: (cause) => fromCause(operation, cause)
          })
        )
        const text = yield* checked([
          "pull",
          "--quiet",
          ...trust(work),
          "--os",
          os,
          "--arch",
          platform.architecture,
          ...(platform.variant === "" ? [] : ["--variant", platform.variant]),
          `oci-archive:${archive}`
        ], work)
        const id = /[0-9a-f]{64}/.exec(text)?.[0]
        if (id === undefined) {
          return yield* reason("Protocol", { operation, message: `buildah did not say which image ${name} became` })
        }
        yield* checked(["tag", id, reference], work)
      }).pipe(Effect.ensuring(Effect.promise(() => rm(archive, { force: true }))))
      return withLock(hex)(Effect.gen(function*() {
        if (!(yield* isThere)) yield* pull
        return reference
      }))
    },
    clean: (id, work) => removeOf(work, async (build) => build === id || await isDead(build)),
    using: (effect) => users.withPermits(1)(effect),
    bound: (work) =>
      attempt(() => sizeOf(root)).pipe(
        Effect.flatMap((size) =>
          size <= limit ? Effect.void : users.withPermitsIfAvailable(everybody)(
            // What others build on stays.
            Process.run(command(["rmi", "--all"], work))
          )
        ),
        Effect.catch((error) => Effect.logDebug(`the store of builds stays as it is: ${error.message}`))
      )
  }
}
