/**
 * Who somebody is in a container that runs is read out of its files, which are the container's to do with as it likes.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Stream } from "effect"
import { Container, Image } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { versions } from "./engine.ts"

const given = (name: string): string =>
  process.env[`EFFECT_CONTAINERS_TEST_${name.toUpperCase().replaceAll("-", "_")}`] ?? ""

const configOf = (name: string) => ({
  network: "none" as const,
  address: given(name).replace(/^unix:\/\//, ""),
  namespace: given(`${name}-namespace`),
  folder: given(`${name}-folder`)
})

/** Users that only the host's file knows, at a path that no container has. */
const secret = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "efc-accounts-"))
    chmodSync(folder, 0o755)
    writeFileSync(join(folder, "passwd"), "thief:x:0:0::/:/bin/sh\napp:x:0:0::/:/bin/sh\n", { mode: 0o644 })
    return join(folder, "passwd")
  }),
  (path) => Effect.sync(() => rmSync(join(path, ".."), { recursive: true }))
)

/** Well before any deadline of an engine's. */
const soon: Duration.Input = "20 seconds"

const refused = "InvalidArgument"

for (const name of versions) {
  /** The numbers of a user, or the reason of the failure, after a container has done something to its files. */
  const who = (does: string, user: string) =>
    Effect.gen(function*() {
      yield* Image.fromArchive(Stream.make(readFileSync(given("image"))))
      const script = `${does}\ntouch /tmp/done; exec sleep 600`
      const container = yield* Container.start(
        Container.make("busybox:test").pipe(Container.pull("never"), Container.command(script))
      )
      // Not by a command: the runtime reads these files for each.
      yield* Effect.eventually(Container.readText(container, "/tmp/done"))
      const said = yield* Effect.gen(function*() {
        const command = yield* Container.exec(container, ["/bin/sh", "-c", "echo $(id -u) $(id -g)"], { user })
        return yield* Stream.mkString(Stream.decodeText(command.stdout))
      }).pipe(
        Effect.scoped,
        Effect.timeoutOrElse({ duration: soon, orElse: () => Effect.succeed("hangs") }),
        Effect.catchTag("ContainerExec", ({ reason }) => Effect.succeed(`${reason._tag}: ${reason.message}`))
      )
      yield* Container.kill(container.id, { killSignal: "SIGKILL" })
      return said
    }).pipe(Effect.scoped, Effect.provide(Containerd.layer(configOf(name))))

  const isNobody = (user: string) => `${refused}: the image has no user ${JSON.stringify(user)} in /etc/passwd`

  describe(`users of a running container on ${name}`, () => {
    it.live("links lead where they lead the container, and never to the host's files", () =>
      Effect.gen(function*() {
        const path = yield* secret
        assert.strictEqual(yield* who(`ln -sf ${path} /etc/passwd`, "thief"), isNobody("thief"))
        assert.strictEqual(
          yield* who(`ln -s ${join(path, "..")} /dir; ln -sf ../dir/passwd /etc/passwd`, "thief"),
          isNobody("thief")
        )
        assert.strictEqual(yield* who(`ln -sf ../../../../..${path} /etc/passwd`, "thief"), isNobody("thief"))
        // The same path, and the container has something there.
        const own = `mkdir -p ${join(path, "..")}; echo app:x:7:8:: > ${path}; ln -sf ../../..${path} /etc/passwd`
        assert.strictEqual(yield* who(own, "app"), "7 8\n")
        const behind = "mkdir /b; mv /etc/passwd /b/p; ln -s /b /dir; ln -s ../dir/./p /etc/passwd"
        assert.strictEqual(yield* who(behind, "app"), "1000 1000\n")
      }).pipe(Effect.scoped), 120_000)

    it.live("what is no file of users is said, and neither waited for nor kept", () =>
      Effect.gen(function*() {
        const replaced = "rm /etc/passwd; "
        const cases: ReadonlyArray<readonly [does: string, says: string]> = [
          [`${replaced}mkfifo /etc/passwd`, `${refused}: /etc/passwd: this is no regular file`],
          [`${replaced}mkdir /etc/passwd`, `${refused}: /etc/passwd: this is no regular file`],
          [`${replaced}ln -s passwd /etc/passwd`, `${refused}: /etc/passwd: too many symbolic links`],
          ["ln -sf /proc/self/environ /etc/passwd", "Unsupported: /etc/passwd: "],
          ["ln -sf /dev/zero /etc/passwd", `${refused}: /etc/passwd: this is no regular file`],
          [
            "dd if=/dev/zero of=/etc/passwd bs=1M count=100 2>/dev/null",
            `${refused}: /etc/passwd: this is longer than 4194304 bytes`
          ],
          [`${replaced}truncate -s 8G /etc/passwd`, `${refused}: /etc/passwd: this is longer than 4194304 bytes`],
          [`${replaced}rm /etc/group`, isNobody("app")],
          ["rm /etc/group; mkfifo /etc/group", `${refused}: /etc/group: this is no regular file`]
        ]
        for (const [does, says] of cases) {
          const before = process.memoryUsage.rss()
          const said = yield* who(does, "app")
          assert.strictEqual(said.slice(0, says.length), says, does)
          assert.isBelow(process.memoryUsage.rss() - before, 64 * 1024 * 1024, does)
        }
        // Who is given in numbers is who is meant.
        assert.strictEqual(yield* who("ln -sf /proc/self/environ /etc/passwd", "12:34"), "12 34\n")
      }), 240_000)
  })
}
