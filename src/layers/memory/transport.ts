import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Errors from "../../Errors.ts"
import * as Reference from "../../Reference.ts"
import { pack, unpack } from "./archive.ts"
import type { MemoryImage } from "./image.ts"
import { reasons } from "./reasons.ts"
import { familiar } from "./store.ts"
import { bytesOf, type Node } from "./tree.ts"
import type { World } from "./world.ts"

/**
 * Images that were exported. A function cannot be written to an archive, so the archive has the image's id and this has
 * the image, for any in-memory engine of this process to import.
 */
const exported = new Map<string, MemoryImage>()

const Manifest = Schema.fromJsonString(Schema.Array(Schema.Struct({
  Config: Schema.String,
  RepoTags: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))
})))

const ImageFile = Schema.fromJsonString(Schema.Struct({ "effect-containers": Schema.Struct({ id: Schema.String }) }))

const decodeManifest = Schema.decodeUnknownEffect(Manifest)
const decodeImage = Schema.decodeUnknownOption(ImageFile)

const epoch = new Date(0)

const file = (path: string, content: unknown): { readonly path: string; readonly node: Node } => ({
  path,
  node: { type: "file", bytes: bytesOf(JSON.stringify(content)), mode: 0o644, mtime: epoch }
})

/** In the layout of `docker save`, with the image's id where a real archive has layers. */
export const exportImages = (
  world: World,
  names: ReadonlyArray<string>
): Stream.Stream<Uint8Array, Errors.Reason> =>
  Stream.unwrap(Effect.gen(function*() {
    // An archive has the names by which it was asked for, and no others that an image may have.
    const images = new Map<MemoryImage, Set<string>>()
    for (const name of names) {
      const { image, names: own } = yield* Effect.fromResult(world.store.get("exportImages", name))
      const asked = Result.match(Reference.parseResult(name), {
        onSuccess: (reference) => Reference.withDefaultTag(reference).canonical,
        onFailure: () => ""
      })
      const tags = images.get(image) ?? new Set()
      images.set(image, own.has(asked) ? tags.add(familiar(asked)) : tags)
    }
    const entries = [...images.keys()].map((image) => {
      const { command, entrypoint, env, labels, stopSignal, user, workDir } = image.config
      const [os, architecture] = image.platform.split("/")
      exported.set(image.id, image)
      return file(`${image.id.slice(7)}.json`, {
        architecture,
        os,
        created: DateTime.formatIso(image.createdAt),
        config: {
          Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
          Entrypoint: entrypoint,
          Cmd: command,
          WorkingDir: workDir,
          User: user,
          Labels: labels,
          StopSignal: stopSignal
        },
        rootfs: { type: "layers", diff_ids: [] },
        "effect-containers": { id: image.id }
      })
    })
    const manifest = [...images].map(([image, tags]) => ({
      Config: `${image.id.slice(7)}.json`,
      RepoTags: [...tags],
      Layers: []
    }))
    return pack([...entries, file("manifest.json", manifest)])
  }))

export const importImages = Effect.fnUntraced(function*<E>(
  world: World,
  archive: Stream.Stream<Uint8Array, E>
): Effect.fn.Return<ReadonlyArray<string>, Errors.Reason | E> {
  const { invalid, unsupported } = reasons("importImages")
  const files = new Map((yield* unpack("importImages", archive)).map(({ node, path }) => [path, node]))
  const text = (path: string): string | undefined => {
    const node = files.get(path)
    return node?.type === "file" ? new TextDecoder().decode(node.bytes) : undefined
  }
  const foreign = unsupported(
    "the in-memory engine runs functions: it cannot run an image that it did not export itself",
    "give it the image as Memory.image(name, recipe)"
  )
  const manifest = text("manifest.json")
  if (manifest === undefined) {
    return yield* files.has("index.json")
      ? foreign
      : invalid("the archive has no images: there is no manifest.json in it")
  }
  const entries = yield* Effect.mapError(
    decodeManifest(manifest),
    (error) => invalid(`the archive's manifest.json cannot be read: ${error.message}`)
  )
  const images = yield* Effect.forEach(entries, ({ Config, RepoTags }) => {
    const described = decodeImage(text(Config) ?? "")
    const id = described._tag === "Some" ? described.value["effect-containers"].id : undefined
    const image = [
      ...id === undefined ? [] : [exported.get(id)],
      ...world.store.all.map(({ image }) => image),
      ...world.registry
    ].find((image) => image?.id === id)
    return image === undefined ? Effect.fail(foreign) : Effect.succeed({ image, names: RepoTags ?? [] })
  })
  const millis = yield* Clock.currentTimeMillis
  const arrivedAt = DateTime.makeUnsafe(millis)
  return images.flatMap(({ image, names }) => {
    // One without a name is known by its id.
    for (const name of names.length === 0 ? [""] : names) world.store.add(image, name, arrivedAt, "here")
    world.events.publish("image", "load", image.id, { ...image.config.labels, name: names[0] ?? image.id }, millis)
    return names.length === 0 ? [image.id] : names
  })
})
