import * as Effect from "effect/Effect"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import * as Credentials from "../../registry/credentials.ts"
import type { Channel } from "../channel.ts"
import type { ContainerdConfig } from "../config.ts"
import type { Environment } from "../environment.ts"
import { reason } from "../errors.ts"
import type { Images } from "../images/images.ts"
import * as Buildah from "./buildah/buildah.ts"
import { look } from "./buildah/program.ts"
import type { Builder } from "./builder.ts"
import * as Buildkit from "./buildkit/buildkit.ts"
import { connect, find } from "./buildkit/find.ts"

const operation = "build"

export interface Parts extends Pick<Images, "exportImages" | "importImages"> {
  readonly channel: Channel
}

/** Finds a builder when the first image is to be built: BuildKit, or else Buildah. */
export const make = (
  config: ContainerdConfig,
  environment: Environment,
  folder: string,
  { channel, exportImages, importImages }: Parts
): Effect.Effect<Builder, Errors.Reason> => {
  const { builder = "auto" } = config
  const { namespace } = channel

  const buildkit = Effect.gen(function*() {
    const socket = builder === "buildah" ? undefined : yield* find(config, environment, namespace)
    return socket === undefined ? undefined : Buildkit.make({
      connect: connect(socket, config, namespace),
      channel,
      importImages,
      credentials: (domain) => Credentials.find(environment, domain, operation)
    })
  })

  const buildah = (): Builder | ReadonlyArray<string> => {
    if (builder === "buildkit") return []
    const program = look({
      buildah: config.buildah ?? environment.EFFECT_CONTAINERS_BUILDAH,
      path: environment.PATH,
      home: environment.HOME,
      runtime: environment.XDG_RUNTIME_DIR,
      isRoot: process.getuid?.() === 0
    })
    return "buildah" in program ? Buildah.make(program, folder, (image) => exportImages([image])) : program
  }

  const choose = Effect.gen(function*() {
    if (builder === "none") {
      return yield* reason("Unsupported", {
        operation,
        message: "containerd builds no images by itself, and the configuration wants neither BuildKit nor Buildah"
      })
    }
    const chosen = (yield* buildkit) ?? buildah()
    if ("build" in chosen) return chosen
    const none = "no BuildKit answers at a usual socket"
    const missing = `of what Buildah needs ${chosen.join(", ")} ${chosen.length === 1 ? "is" : "are"} not there`
    const found = builder === "buildkit"
      ? `${none}, and the configuration does not want Buildah`
      : builder === "buildah"
      ? `${missing}, and the configuration does not want BuildKit`
      : `${none}, and ${missing}`
    return yield* reason("Unsupported", {
      operation,
      message: `containerd builds no images by itself: ${found}`,
      hint: "start buildkitd and say in BUILDKIT_HOST where its socket is, or install buildah and util-linux"
    })
  })

  let known: Builder | undefined
  return Effect.suspend(() =>
    known === undefined
      ? Effect.tap(choose, (chosen) => Effect.sync(() => void (known = chosen)))
      : Effect.succeed(known)
  )
}

/** Where builds have their files, below the engine's folder. */
export const placeOf = (folder: string): string => join(folder, "build")
