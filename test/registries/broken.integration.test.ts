/**
 * Registries that stop in the middle of a layer, or send other bytes than they said.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Image } from "effect-containers"
import { push as publish } from "../../scripts/engines/image.ts"
import { engine, engines, fresh, given, pull, refusal, removed, repository, runs } from "./engines.ts"
import { type Harm, proxy } from "./proxy.ts"

/** An image whose last layer is of 4 MiB, in a registry behind which `harm` says what becomes of that layer. */
const broken = Effect.fnUntraced(function*(harm: (count: number, size: number) => Harm | undefined) {
  const path = repository()
  const image = yield* fresh(4 * 1024 * 1024)
  const layer = image.layers.at(-1) ?? assert.fail("an image without a layer")
  yield* Effect.promise(() => publish(image, given("registry"), `${path}:1`))
  let count = 0
  const { address } = yield* proxy({
    harm: ({ url }) => url?.endsWith(`/blobs/${layer.digest}`) === true ? harm(++count, layer.size) : undefined
  })
  return {
    image: `${address}/${path}:1`,
    direct: `${given("registry")}/${path}:1`,
    digest: layer.digest,
    count: () => count,
    hosts: { [address]: { plainHttp: true }, [given("registry")]: { plainHttp: true } }
  }
})

for (const name of engines) {
  describe(`${name}, a registry`, () => {
    it.live("that stops once in the middle of a layer is asked for the rest", () =>
      Effect.gen(function*() {
        const { count, hosts, image } = yield* broken((count, size) => count === 1 ? { cutAt: size >> 1 } : undefined)
        yield* Effect.gen(function*() {
          yield* removed(image)
          yield* pull(image)
          assert.isAtLeast(count(), 2)
          assert.strictEqual(yield* runs(image), "it runs\n")
        }).pipe(Effect.scoped, Effect.provide(engine(name, { hosts })))
      }))

    it.live("that always stops in the middle of a layer is given up, and nothing of it stays", () =>
      Effect.gen(function*() {
        const { hosts, image } = yield* broken((_, size) => ({ cutAt: size >> 1 }))
        yield* Effect.gen(function*() {
          const begun = performance.now()
          const { message, tag } = yield* refusal(pull(image))
          assert.strictEqual(tag, "Unavailable", message)
          assert.include(message, image)
          assert.isBelow(performance.now() - begun, 60_000)
          assert.isFalse(yield* Image.exists(image))
        }).pipe(Effect.provide(engine(name, { hosts })))
      }))

    it.live("that sends a layer whose bytes are others is told by the digest, and nothing of it is kept", () =>
      Effect.gen(function*() {
        const { digest, direct, hosts, image } = yield* broken((_, size) => ({ change: size >> 1 }))
        yield* Effect.gen(function*() {
          yield* removed(direct)
          const { message, tag } = yield* refusal(pull(image))
          assert.strictEqual(tag, "Protocol", message)
          assert.include(message, digest)
          assert.isFalse(yield* Image.exists(image))
          // Nor is there anything that would spoil the same layer from elsewhere.
          yield* pull(direct)
          assert.strictEqual(yield* runs(direct), "it runs\n")
        }).pipe(Effect.scoped, Effect.provide(engine(name, { hosts })))
      }))
  })
}
