/**
 * The volumes of an image on a containerd: what of it the suite cannot see from outside.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { randomUUID } from "node:crypto"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { archive, makeImage } from "../../../scripts/engines/image.ts"
import { versions } from "./engine.ts"

const given = (name: string): string =>
  process.env[`EFFECT_CONTAINERS_TEST_${name.toUpperCase().replaceAll("-", "_")}`] ?? ""

const configOf = (name: string, rootless: "auto" | "enabled" = "auto") => ({
  network: "none" as const,
  address: given(name).replace(/^unix:\/\//, ""),
  namespace: given(`${name}-namespace`),
  folder: join(given(`${name}-folder`), "volumes"),
  rootless
})

/** Volumes with files of two layers, one behind a link, one that is not there, and one within another. */
const imported = Effect.gen(function*() {
  const name = `volumes-${randomUUID()}:1`
  const image = yield* Effect.promise(() =>
    makeImage({
      created: new Date().toISOString(),
      config: { Volumes: { "/data": {}, "/none": {}, "/link": {}, "/data/inner/": {}, "/home/app": {} } },
      layers: [{
        "data/a": "low",
        "data/gone": "x",
        "data/to": { target: "a" },
        "real/x": { contents: Buffer.from("own"), uid: 1000, gid: 1001, mode: 0o4640 }
      }, { "data/a": "high", "data/.wh.gone": "", link: { target: "real" }, "data/inner/f": "f" }]
    })
  )
  yield* Effect.addFinalizer(() => Effect.ignore(Image.remove(name, { force: true })))
  yield* Image.fromArchive(Stream.make(archive(image, [name])))
  return Container.make(name).pipe(Container.pull("never"), Container.readOnlyRoot(true))
})

const look = `
  ls /data; cat /data/a /data/to /data/inner/f; echo
  stat -c '%a %u %g' /data /link/x /home/app /none
  readlink /data/to; grep -c ' /data/inner ' /proc/mounts
  for at in /data /none /link /real /data/inner /home/app; do echo w > $at/w; done; cat /real/w
  echo w 2>/dev/null > /w || echo read-only`

const seen = ["a", "inner", "to", "highhighf", "755 0 0", "4640 1000 1001", "755 1000 1000", "755 0 0", "a", "1", "w"]

for (const name of versions) {
  const config = configOf(name)
  const folder = join(config.folder, config.namespace)
  const nothingLeft = Effect.sync(() => existsSync(folder) ? readdirSync(folder) : []).pipe(
    Effect.repeat({
      until: (left) => left.length === 0,
      schedule: Schedule.upTo(Schedule.spaced("100 millis"), { times: 100 })
    }),
    Effect.map((left) => assert.deepStrictEqual(left, []))
  )

  describe(`volumes of an image on ${name}`, () => {
    it.live(
      "they have the image's files with their owners, modes and links, and go with the container",
      () =>
        Effect.gen(function*() {
          const self = yield* imported
          // The second one knows which of them are empty.
          for (let n = 0; n < 2; n++) {
            assert.deepStrictEqual(yield* Container.lines(Container.command(self, look)), [...seen, "read-only"])
          }
          yield* nothingLeft
          // Nor is anything left of one that could not be made.
          const error = yield* Effect.flip(Container.run(Container.user(self, "nobody-there")))
          assert.strictEqual(error._tag, "ContainerCreate")
          yield* nothingLeft
          // The first command that is run in it may be one that there is not.
          const unknown = yield* Effect.flip(Container.run(Container.command(self, ["/no/such"])))
          assert.strictEqual(unknown._tag, "ContainerStart")
          yield* nothingLeft
        }).pipe(Effect.scoped, Effect.provide(Containerd.layer(config))),
      120_000
    )

    it.live(
      "where they cannot be made, the container's own layer does, if it can be written",
      () =>
        Effect.gen(function*() {
          const self = yield* imported
          const refused = yield* Effect.flip(Container.run(Container.command(self, "true")))
          assert.strictEqual(refused._tag === "ContainerCreate" && refused.reason._tag, "Unsupported")
          assert.include(refused.message, "/data")
          yield* nothingLeft
          const writable = self.pipe(Container.readOnlyRoot(false), Container.command("cat /data/a; echo w > /data/w"))
          assert.strictEqual(yield* Container.string(writable), "high")
        }).pipe(Effect.scoped, Effect.provide(Containerd.layer(configOf(name, "enabled")))),
      120_000
    )
  })
}
