import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { BuildOptions } from "../../../../Backend.ts"
import type * as Errors from "../../../../Errors.ts"
import * as Reference from "../../../../Reference.ts"
import { reason } from "../../errors.ts"
import type { Base } from "../builder.ts"
import type { Dockerfile } from "../dockerfile.ts"
import { store } from "./content.ts"

const operation = "build"

/** What a base image is called in the Dockerfile that BuildKit gets: a stage may have the name that it has in ours. */
const nameOf = ({ image }: Base): string => `localhost/effect-containers/base:${image.digest.replace(/^\w+:/, "")}`

/** How BuildKit looks for the image that a name stands for. */
const keyOf = (name: string): string =>
  Result.match(Reference.parseResult(name), {
    onSuccess: (reference) => Reference.withDefaultTag(reference).familiar.replace(/(?<!@.*):latest$/, ""),
    onFailure: () => name
  })

/** Base images under the names by which BuildKit asks for them, and where it finds them: with us. */
export interface Contexts {
  /** Other names for those of the Dockerfile. */
  readonly names: ReadonlyMap<string, string>
  readonly attributes: Readonly<Record<string, string>>
}

export const contextsOf = (
  bases: ReadonlyArray<Base>,
  { stages }: Dockerfile
): Effect.Effect<Contexts, Errors.Unsupported> =>
  Effect.gen(function*() {
    const names = new Map<string, string>()
    const attributes: Record<string, string> = {}
    const built = new Set(stages.flatMap(({ base }) => base?.name ?? []))
    const copied = new Set(stages.flatMap(({ sources }) => sources.map(({ name }) => name)))
    for (const base of bases) {
      const where = `oci-layout://${store}@${base.image.digest}`
      if (built.has(base.name)) {
        names.set(base.name, nameOf(base))
        attributes[`context:${nameOf(base)}`] = where
      }
      if (!copied.has(base.name)) continue
      const key = keyOf(base.name)
      // BuildKit would take the image for the stage.
      if (stages.some(({ name }) => name === key)) {
        return yield* reason("Unsupported", {
          operation,
          message: `files are taken from the image ${base.name}, and a later stage is called ${key}`,
          hint: "give the stage another name"
        })
      }
      attributes[`context:${key}`] = where
    }
    return { names, attributes }
  })

const plain = (value: string | Redacted.Redacted<string>): string =>
  Redacted.isRedacted(value) ? Redacted.value(value) : value

const prefixed = (prefix: string, values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}:${name}`, value]))

/** What the frontend is told. */
export const attributesOf = (
  { buildArgs, labels, noCache, platform, pull, target }: BuildOptions,
  contexts: Contexts["attributes"]
): Readonly<Record<string, string>> => ({
  ...prefixed("build-arg", Object.fromEntries(Object.entries(buildArgs).map(([name, value]) => [name, plain(value)]))),
  ...prefixed("label", labels),
  ...contexts,
  filename: "Dockerfile",
  ...(target === undefined ? {} : { target }),
  ...(platform === undefined ? {} : { platform }),
  ...(noCache ? { "no-cache": "" } : {}),
  ...(pull ? { "image-resolve-mode": "pull" } : {})
})

/** Takes the words that are secret out of a text. */
export const without = (buildArgs: BuildOptions["buildArgs"]): (text: string) => string => {
  const secrets = Object.values(buildArgs).flatMap((value) =>
    Redacted.isRedacted(value) && Redacted.value(value) !== "" ? [Redacted.value(value)] : []
  )
  return (text) => secrets.reduce((text, secret) => text.replaceAll(secret, "<redacted>"), text)
}
