/**
 * An image of the in-memory engine: a recipe, and what an image says of how to run it.
 */
import * as DateTime from "effect/DateTime"
import { createHash } from "node:crypto"
import type { Credentials } from "../../Backend.ts"
import type { Recipe } from "./recipe.ts"
import { type Tree, treeOf } from "./tree.ts"

/**
 * What an image has besides its recipe.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageOptions {
  /** Its variables. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default `"/"`. */
  readonly workDir?: string | undefined
  /** Default `"root"`. */
  readonly user?: string | undefined
  readonly entrypoint?: ReadonlyArray<string> | undefined
  /** Default `["/bin/sh"]`, if there is no entrypoint. */
  readonly command?: ReadonlyArray<string> | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Paths that hold data: they can be written in a container whose root cannot. */
  readonly volumes?: ReadonlyArray<string> | undefined
  /** Default `"SIGTERM"`. */
  readonly stopSignal?: string | undefined
  /** When it was built. Default: the beginning of 2024. */
  readonly createdAt?: DateTime.DateTime.Input | undefined
  /** What its registry knows it by: `sha256:` and 64 hexadecimal digits. Default: one of its own. */
  readonly digest?: string | undefined
  /** Bytes. Default: what its layers have. */
  readonly size?: number | undefined
  /** What is transferred when it is pulled: ids, and bytes. Default: three of 1 MiB. */
  readonly layers?: ReadonlyArray<{ readonly id?: string | undefined; readonly size: number }> | undefined
  /** `os/architecture[/variant]`. Default `"linux/amd64"`, which is also the engine's own. */
  readonly platform?: string | undefined
  /** What is in it, by absolute path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined
  /** What an exec in its containers runs, and a `RUN` of a build from it. Without, an exec's command is not found. */
  readonly exec?: Recipe | undefined
  /** Whom its registry lets pull it. Default: everybody. */
  readonly credentials?: Credentials | undefined
}

/**
 * An image whose containers run a function: made by {@link image}.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryImage {
  /** As it was named. */
  readonly name: string
  readonly recipe: Recipe
  readonly exec: Recipe | undefined
  readonly id: string
  readonly digest: string
  readonly createdAt: DateTime.Utc
  readonly size: number
  readonly layers: ReadonlyArray<{ readonly id: string; readonly size: number }>
  readonly platform: string
  readonly credentials: Credentials | undefined
  readonly config: ImageConfig
  /** @internal */
  readonly tree: Tree
}

/**
 * What an image says of how to run it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>
  readonly entrypoint: ReadonlyArray<string>
  readonly command: ReadonlyArray<string>
  readonly workDir: string
  readonly user: string
  readonly labels: Readonly<Record<string, string>>
  readonly volumes: ReadonlyArray<string>
  readonly stopSignal: string
}

export const enginePlatform = "linux/amd64"

let made = 0

const hash = (text: string): string => createHash("sha256").update(text).digest("hex")

const newYear = DateTime.makeUnsafe(Date.UTC(2024, 0, 1))

const utc = (input: DateTime.DateTime.Input): DateTime.Utc => DateTime.toUtc(DateTime.makeUnsafe(input))

/**
 * An image of the in-memory engine, for `images` or `registry` of {@link layer}. The recipe is what its containers run: it
 * is given the command, variables, files and so on, and says what is written and how it ends.
 *
 * A name of which nothing can be an image's makes an image that nobody can ask for.
 *
 * **Example** (A compiler that knows one error)
 *
 * ```ts import.meta.vitest
 * import { Effect } from "effect"
 * import { Container } from "effect-containers"
 * import * as Memory from "effect-containers/layers/Memory"
 *
 * const gcc = Memory.image("gcc:14", ({ command, env }) =>
 *   command.includes("-Werror")
 *     ? { stderr: "app.c:1: warning: unused variable\n", exitCode: 1 }
 *     : { stdout: `compiled with ${env["CFLAGS"]}\n` }, { env: { CFLAGS: "-O2" } })
 *
 * const compile = Container.make("gcc:14").pipe(Container.command(["gcc", "app.c"]))
 * const program = Container.string(compile).pipe(Effect.provide(Memory.layer({ images: [gcc] })))
 * await Effect.runPromise(program) // => "compiled with -O2\n"
 * ```
 *
 * @category images
 * @since 0.1.0
 */
export const image = (name: string, recipe: Recipe, options: ImageOptions = {}): MemoryImage => {
  const unique = `${name}\n${++made}`
  const layers = (options.layers ?? [{ size: 1 << 20 }, { size: 1 << 20 }, { size: 1 << 20 }]).map(
    ({ id, size }, index) => ({ id: id ?? hash(`layer ${index} ${unique}`).slice(0, 12), size })
  )
  return {
    name,
    recipe,
    exec: options.exec,
    id: `sha256:${hash(`image ${unique}`)}`,
    digest: options.digest ?? `sha256:${hash(`manifest ${unique}`)}`,
    createdAt: options.createdAt === undefined ? newYear : utc(options.createdAt),
    size: options.size ?? layers.reduce((sum, { size }) => sum + size, 0),
    layers,
    platform: options.platform ?? enginePlatform,
    credentials: options.credentials,
    config: {
      env: options.env ?? {},
      entrypoint: options.entrypoint ?? [],
      command: options.command ?? (options.entrypoint === undefined ? ["/bin/sh"] : []),
      workDir: options.workDir ?? "",
      user: options.user ?? "",
      labels: options.labels ?? {},
      volumes: options.volumes ?? [],
      stopSignal: options.stopSignal ?? "SIGTERM"
    },
    tree: treeOf(options.files ?? {})
  }
}

/** The image that a build made of another one. */
export const derive = (
  base: MemoryImage,
  name: string,
  changes: {
    readonly config: ImageConfig
    readonly tree: Tree
    readonly layers: MemoryImage["layers"]
    readonly createdAt: DateTime.Utc
    readonly platform: string
  }
): MemoryImage => {
  const fresh = image(name, base.recipe)
  return {
    ...fresh,
    exec: base.exec,
    createdAt: changes.createdAt,
    layers: changes.layers,
    size: changes.layers.reduce((sum, { size }) => sum + size, 0),
    platform: changes.platform,
    config: changes.config,
    tree: changes.tree
  }
}
