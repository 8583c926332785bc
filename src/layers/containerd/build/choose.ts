import * as Effect from "effect/Effect"
import { join } from "node:path"
import type * as Errors from "../../../Errors.ts"
import type { ContainerdConfig } from "../config.ts"
import type { Environment } from "../environment.ts"
import { reason } from "../errors.ts"
import type { Images } from "../images/images.ts"
import * as Buildah from "./buildah/buildah.ts"
import { look } from "./buildah/program.ts"
import type { Builder } from "./builder.ts"

const operation = "build"

/**
 * Finds a builder when the first image is to be built. BuildKit's place is before Buildah; it is not spoken to yet.
 */
export const make = (
  config: ContainerdConfig,
  environment: Environment,
  folder: string,
  { exportImages }: Pick<Images, "exportImages">
): Effect.Effect<Builder, Errors.Reason> => {
  let known: Builder | undefined
  return Effect.suspend(() => {
    if (known !== undefined) return Effect.succeed(known)
    if (config.builder === "none") {
      return Effect.fail(reason("Unsupported", {
        operation,
        message: "containerd builds no images by itself, and the configuration wants neither BuildKit nor Buildah"
      }))
    }
    const program = look({
      buildah: config.buildah ?? environment.EFFECT_CONTAINERS_BUILDAH,
      path: environment.PATH,
      home: environment.HOME,
      runtime: environment.XDG_RUNTIME_DIR,
      isRoot: process.getuid?.() === 0
    })
    if (!("buildah" in program)) {
      return Effect.fail(reason("Unsupported", {
        operation,
        message: "containerd builds no images by itself: BuildKit is not spoken to yet, and of what Buildah needs " +
          `${program.join(", ")} ${program.length === 1 ? "is" : "are"} not there`,
        hint: "install buildah and util-linux, or say where buildah is"
      }))
    }
    known = Buildah.make(program, folder, (image) => exportImages([image]))
    return Effect.succeed(known)
  })
}

/** Where builds have their files, below the engine's folder. */
export const placeOf = (folder: string): string => join(folder, "build")
