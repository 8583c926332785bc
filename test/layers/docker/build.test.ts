/**
 * Docker's own builder and Podman look for steps that they need not execute among the images of others, and fail when one
 * of these is removed meanwhile.
 */
import { assert, describe, it } from "@effect/vitest"
import { BuildContext, Image } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { pong, serve } from "./fake.ts"

const id = `sha256:${"2efc".repeat(16)}`

const docker = "Docker/28.5.1 (linux)"
const podman = "Libpod/5.4.2 (linux)"

const losses = [
  [docker, `unable to find image "${id}"`],
  [docker, `No such image: ${id}`],
  [docker, `unknown parent image ID ${id}`],
  [
    docker,
    `failed to get digest ${id}: open /data/image/overlay2/imagedb/content/sha256/2e: no such file or directory`
  ],
  [podman, "checking if cached image exists from a previous build: getting top layer info: layer not known"],
  [podman, "identifier is not a container"],
  [podman, "deleting build container \"a\": identifier is not a container: committing: container not known"],
  [podman, "preparing container for next step: locating image with ID \"2efc\": image not known"]
] as const

const others = [
  [docker, "unable to find image \"busybox\""],
  [docker, "No such image: busybox:1"],
  [podman, "building at STEP \"RUN echo layer not known; exit 7\": while running runtime: exit status 7"]
] as const

const line = (message: unknown): string => `${JSON.stringify(message)}\r\n`

/** An engine of which the first `losses` builds fail with that; what each was sent. */
const builder = Effect.fnUntraced(function*(server: string, words: string, losses: number) {
  const sent: Array<Buffer> = []
  const { host } = yield* serve((request, response, path) => {
    if (!path.startsWith("/build")) return void response.writeHead(404).end()
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      sent.push(Buffer.concat(chunks))
      response.write(line({ stream: "Step 1/2 : FROM busybox\n" }))
      response.end(
        sent.length > losses
          ? line({ aux: { ID: id } })
          : line({ errorDetail: { message: words }, error: words })
      )
    })
  }, { onPing: (_, response) => pong(response, "1.41", server) })
  return { layer: Docker.layer({ host, healthTimeout: 60_000, connectTimeout: 60_000 }), sent }
})

const text = BuildContext.fromDockerfile("FROM busybox\nENV A=1\n")

describe("a build that goes through images of others", { timeout: 60_000 }, () => {
  for (const [server, lost] of losses) {
    it.live(`is begun again with the same context: ${lost}`, () =>
      Effect.gen(function*() {
        const archive = Buffer.concat(yield* Stream.runCollect(BuildContext.toTar(text, { image: "a" })))
        // Longer than what is looked at to tell whether it is an archive.
        const long = Buffer.concat([archive, Buffer.alloc(20_000)])
        let opened = 0
        const chunks = Stream.suspend(() => {
          opened++
          return Stream.fromIterable([long.subarray(0, 700), long.subarray(700, 9000), long.subarray(9000)])
        })
        const { layer, sent } = yield* builder(server, lost, 2)
        const statuses = yield* Stream.runCollect(Image.build("a", BuildContext.fromTar(chunks))).pipe(
          Effect.provide(layer)
        )
        assert.deepStrictEqual(sent.map((bytes) => bytes.equals(long)), [true, true, true])
        assert.strictEqual(opened, 3)
        assert.deepStrictEqual(statuses.map(({ imageId, step }) => imageId ?? step?.number), [1, 1, 1, id])
      }).pipe(Effect.scoped))
  }

  it.live("fails with what the engine says when that has no end", () =>
    Effect.gen(function*() {
      const [server, lost] = losses[0]
      const { layer, sent } = yield* builder(server, lost, Infinity)
      const error = yield* Effect.flip(Stream.runDrain(Image.build("a", text))).pipe(Effect.provide(layer))
      assert.include(error.message, lost)
      assert.strictEqual(sent.length, 10)
    }).pipe(Effect.scoped))

  for (const [server, words] of others) {
    it.live(`is not begun again for anything else: ${words}`, () =>
      Effect.gen(function*() {
        const { layer, sent } = yield* builder(server, words, 1)
        const error = yield* Effect.flip(Stream.runDrain(Image.build("a", text))).pipe(Effect.provide(layer))
        assert.include(error.message, words)
        assert.strictEqual(sent.length, 1)
      }).pipe(Effect.scoped))
  }

  it.live("is not begun again with a context that can be read only once: the first failure is told", () =>
    Effect.gen(function*() {
      const [server, lost] = losses[0]
      const { layer, sent } = yield* builder(server, lost, 1)
      const left = [yield* Stream.runCollect(BuildContext.toTar(text, { image: "a" }))]
      const once = Stream.suspend(() => Stream.fromIterable(left.pop() ?? []))
      const error = yield* Effect.flip(Stream.runDrain(Image.build("a", BuildContext.fromTar(once)))).pipe(
        Effect.provide(layer)
      )
      assert.strictEqual(error._tag, "ImageBuildDockerfile")
      assert.include(error.message, lost)
      assert.strictEqual(sent.length, 1)
    }).pipe(Effect.scoped))
})
