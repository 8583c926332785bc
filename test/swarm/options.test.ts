/**
 * What only a Swarm can be told, what it gives of a node that it alone reaches, and that nothing of what is written anywhere
 * is lost.
 */
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Redacted, Schedule, Stream } from "effect"
import { Container, Events, Filter, Image } from "effect-containers"
import * as Swarm from "effect-containers/layers/Swarm"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cluster, job, on } from "./cluster.ts"

layer(Layer.orDie(Cluster.layer), { timeout: 180_000, excludeTestServices: true })("a Swarm's own", (it) => {
  it.effect("secrets and configs reach the container, and go with it", () =>
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const text = yield* Container.string(
        job("cat /run/secrets/password /etc/app/key /etc/settings; stat -c %a /run/secrets/password")
      ).pipe(
        Swarm.place({
          constraints: [`node.hostname==${swarm.name(4)}`],
          secrets: [
            { target: "password", value: Redacted.make("s3cret\n"), mode: 0o400 },
            { target: "/etc/app/key", value: Redacted.make("key\n") }
          ],
          configs: [{ target: "/etc/settings", value: Redacted.make("a=1\n") }]
        }),
        Effect.provide(swarm.layer(1))
      )
      assert.strictEqual(text, "s3cret\nkey\na=1\n400\n")
      assert.deepStrictEqual(yield* swarm.ask("/secrets"), [])
      assert.deepStrictEqual(yield* swarm.ask("/configs"), [])
    }))

  it.effect("they go with a container that could not be made, too", () =>
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const error = yield* Effect.flip(
        Container.run(Container.network(job("true"), "no-such-network")).pipe(
          Swarm.place({ secrets: [{ target: "password", value: Redacted.make("s3cret") }] }),
          Effect.provide(swarm.layer(1))
        )
      )
      assert.strictEqual(error._tag, "ContainerCreate")
      assert.notInclude(JSON.stringify(error), "s3cret")
      assert.deepStrictEqual(yield* swarm.ask("/secrets"), [])
    }))

  it.effect("constraints say on which node, and spread lets none be idle", () =>
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const where = Container.string(job("printf %s $NODE"))
      const node = yield* on(swarm.name(3))(where).pipe(Effect.provide(swarm.layer(1)))
      assert.strictEqual(node, swarm.name(3))
      const all = yield* Effect.all(
        Array.from({ length: 8 }, () => Container.string(job("printf %s $NODE; sleep 2"))),
        {
          concurrency: "unbounded"
        }
      ).pipe(Swarm.place({ spread: ["node.hostname"] }), Effect.provide(swarm.layer(1)))
      assert.deepStrictEqual([...new Set(all)].toSorted(), [1, 2, 3, 4].map(swarm.name))
    }))

  for (
    const [what, state, count, rounds, one] of [
      ["waits for a node", "pending", 100, 6, on("nowhere")(Container.exitCode(job("true")))],
      ["runs", "running", 32, 3, Container.exitCode(job("trap 'exit 0' TERM; while :; do sleep 0.1; done"))]
    ] as const
  ) {
    it.effect(
      `what ${what} in great number is interrupted at once, and no manager falls over it`,
      () =>
        Effect.gen(function*() {
          const swarm = yield* Cluster
          const tasks = swarm.ask("/tasks") as Effect.Effect<
            ReadonlyArray<{ readonly Status: { readonly State: string } }>
          >
          const counted = Effect.map(tasks, (all) => all.filter(({ Status }) => Status.State === state).length)
          yield* Effect.gen(function*() {
            for (let n = 0; n < rounds; n++) {
              const all = yield* Effect.forkChild(
                Effect.all(Array.from({ length: count }, () => one), { concurrency: "unbounded" }),
                { startImmediately: true }
              )
              yield* Effect.repeat(counted, { until: (now) => now === count, schedule: Schedule.spaced("200 millis") })
              yield* Fiber.interrupt(all)
              assert.strictEqual(yield* counted, 0)
            }
          }).pipe(Effect.provide(swarm.layer(1)))
          for (const number of [1, 2, 3]) {
            assert.isTrue(yield* Effect.promise(swarm.answers(number)), `manager ${number} is there`)
          }
        }),
      180_000
    )
  }

  it.effect("what is copied in before the start leaves no image on the manager, also where it runs itself", () =>
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const images = Effect.map(
        swarm.ask("/images/json?all=1"),
        (all) => (all as ReadonlyArray<{ readonly Id: string }>).map(({ Id }) => Id).toSorted()
      )
      const before = yield* images
      const prepare = (container: Container.RunningContainer) => Container.copyTo(container, "/words", "copied")
      yield* Effect.gen(function*() {
        for (let n = 0; n < 5; n++) {
          const { logs } = yield* Container.run(job("cat /words"), { prepare })
          assert.strictEqual(logs.stdoutText, "copied")
        }
        const up = Deferred.makeUnsafe<void>()
        yield* Effect.raceFirst(
          Container.run(job("cat /words; echo; sleep 600"), {
            prepare,
            onOutput: () => Deferred.succeed(up, undefined)
          }),
          Deferred.await(up)
        )
      }).pipe(on(swarm.name(1)), Effect.provide(swarm.layer(1)))
      assert.deepStrictEqual(yield* images, before)
    }))

  for (
    const [what, placement] of [
      ["constraints that no node meets", { constraints: ["node.hostname==nowhere"] }],
      ["reservations that no node has left", { reserve: { cpus: 1000 } }]
    ] as const
  ) {
    it.effect(`${what} fail in the time that the config says, and leave nothing`, () =>
      Effect.gen(function*() {
        const swarm = yield* Cluster
        const error = yield* Effect.flip(
          Container.run(job("true")).pipe(
            Swarm.place(placement),
            Effect.provide(swarm.layer(1, { placementTimeout: 1000 }))
          )
        )
        assert.strictEqual(error._tag, "ContainerStart")
        assert.strictEqual(error._tag === "ContainerStart" && error.reason._tag, "ResourceExhausted")
        assert.include(error.message, "no suitable node")
        assert.deepStrictEqual(yield* swarm.ask("/services"), [])
      }))
  }

  it.effect(
    "a node gets an image of a private registry with the credentials of who runs it, and says when it cannot",
    () =>
      Effect.gen(function*() {
        const swarm = yield* Cluster
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "swarm-"))),
          (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
        )
        const auth = Buffer.from("user:secret").toString("base64")
        writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [swarm.privateRegistry]: { auth } } }))
        const knowing = Layer.provide(
          swarm.layer(1),
          ConfigProvider.layer(ConfigProvider.fromUnknown({ DOCKER_CONFIG: folder }))
        )
        const image = `${swarm.privateRegistry}/private:1`
        const self = Container.make(image).pipe(Container.pull("never"), Container.command("echo here"))
        yield* Effect.gen(function*() {
          yield* Image.tag("busybox:test", image)
          yield* Stream.runDrain(Image.push(image))
          const error = yield* Effect.flip(
            // With a registry of its own it would bring the image there.
            on(swarm.name(4))(Container.run(self)).pipe(Effect.provide(swarm.layer(1, { registry: undefined })))
          )
          assert.strictEqual(error._tag === "ContainerStart" && error.reason._tag, "NotFound")
          assert.include(error.message, swarm.name(4))
          assert.strictEqual(yield* on(swarm.name(4))(Container.string(self)), "here\n")
          yield* Image.remove(image)
        }).pipe(Effect.provide(knowing))
      }),
    60_000
  )

  it.effect(
    "of a node that only the Swarm reaches, what managers cannot do is refused, naming it",
    () =>
      Effect.gen(function*() {
        const swarm = yield* Cluster
        const handle = yield* on(swarm.name(4))(Container.start(job("echo hi; sleep 600")))
        const refused = [
          yield* Effect.flip(Container.execString(handle, ["true"])),
          yield* Effect.flip(Container.pause(handle.id)),
          yield* Effect.flip(Container.usage(handle.id)),
          yield* Effect.flip(Container.readText(handle, "/etc/passwd")),
          yield* Effect.flip(handle.kill({ killSignal: "SIGUSR1" }))
        ]
        for (const error of refused) {
          assert.strictEqual("reason" in error && error.reason._tag, "Unsupported", error._tag)
          assert.include(error.message, swarm.name(4))
        }
        yield* handle.stop({ grace: 0 })
        assert.strictEqual(yield* handle.isRunning, false)
      }).pipe(Effect.scoped, Effect.provide(Layer.unwrap(Effect.map(Cluster, (swarm) => swarm.layer(1))))),
    60_000
  )

  it.effect("a time limit holds there too", () =>
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const error = yield* Effect.flip(
        on(swarm.name(4))(Container.run(Container.timeLimit(job("echo early; sleep 600"), "2 seconds"))).pipe(
          Effect.provide(swarm.layer(1))
        )
      )
      assert.strictEqual(error._tag === "ExitCode" && error.timedOut, true, error.message)
      assert.strictEqual(error._tag === "ExitCode" && error.logs.stdoutText, "early\n")
    }), 60_000)

  it.effect("what short lives write is all there, from whichever node", () =>
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const all = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, n) => n),
        (n) => Container.string(job(`echo ${n}`)),
        { concurrency: 10 }
      ).pipe(Effect.provide(swarm.layer(1)))
      assert.deepStrictEqual(all, Array.from({ length: 40 }, (_, n) => `${n}\n`))
    }), 120_000)

  it.effect(
    "of what short lives do there are events, also of those that were removed before anybody looked",
    () =>
      Effect.gen(function*() {
        const swarm = yield* Cluster
        const count = 24
        const found = Filter.label("faults", "told")
        const told = yield* Effect.gen(function*() {
          const listening = yield* Events.stream({ filter: found }).pipe(
            Stream.filter(({ action }) => ["create", "start", "die", "destroy"].includes(action)),
            Stream.takeWhile(({ attributes }) => attributes["last"] !== "yes"),
            Stream.runCollect,
            Effect.forkChild({ startImmediately: true })
          )
          // It is listened to a moment later.
          yield* Effect.sleep("1 second")
          yield* Effect.all(Array.from({ length: count }, () => Container.run(job("true", "told"))), { concurrency: 8 })
          yield* Container.run(Container.label(job("true", "told"), "last", "yes"))
          return yield* Effect.timeout(Fiber.join(listening), "30 seconds")
        }).pipe(Effect.provide(swarm.layer(1)))
        const of = (action: string) => told.filter((event) => event.action === action).length
        assert.deepStrictEqual(["create", "start", "die"].map(of), [count, count, count])
      }),
    120_000
  )

  it.effect("a long log is whole, on a node that is far", () =>
    Effect.gen(function*() {
      const swarm = yield* Cluster
      const text = yield* on(swarm.name(4))(Container.string(job("seq 200000; sleep 1; seq 200001 300000"))).pipe(
        Effect.provide(swarm.layer(1))
      )
      assert.strictEqual(text.length, 1_988_895)
      assert.strictEqual(text, Array.from({ length: 300_000 }, (_, n) => `${n + 1}\n`).join(""))
    }), 120_000)
})
