import { assert, describe, it } from "@effect/vitest"
import { Backend, Container, Errors, Filter, Logs } from "effect-containers"
import * as Docker from "effect-containers/layers/Docker"
import { completed } from "effect-containers/layers/docker/completed"
import { withoutNotice } from "effect-containers/layers/dockerApi/notice"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Tar from "effect/encoding/Tar"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { json, pong, serve } from "./fake.ts"
import type { Handler } from "./fake.ts"

const engine = (host: string) =>
  Layer.provide(
    Docker.layer({ host, healthTimeout: 60_000, connectTimeout: 60_000 }),
    ConfigProvider.layer(ConfigProvider.fromUnknown({ HOME: "/nonexistent" }))
  )

/** A server that says that it is Podman. */
const podman = (handler: Handler) =>
  serve(handler, { onPing: (_, response) => pong(response, "1.41", "Libpod/5.4.2 (linux)") })

const encoder = new TextEncoder()
const stdout = (text: string) => Logs.encode({ source: "stdout", bytes: encoder.encode(text) })
const text = (frames: ReadonlyArray<Logs.Frame>) => Buffer.concat(frames.map(({ bytes }) => bytes)).toString("utf8")

const inspected = (status: string) => ({
  Id: "a",
  Name: "/a",
  Created: "2024-01-01T00:00:00Z",
  Image: "sha256:0",
  State: { Status: status },
  Config: { Image: "docker.io/library/gcc:14", Tty: false }
})

const lines = ["1\n", "2\n", "3\n", "4\n", "5\n"]

/** A container whose log, when followed, is as `statuses` and `followed` say; not followed, it is whole. */
const logging = (statuses: ReadonlyArray<string>, followed: ReadonlyArray<string>) => {
  let asked = 0
  return podman((_, response, path) => {
    if (path === "/containers/a/json") {
      return json(response, 200, inspected(statuses[Math.min(asked++, statuses.length - 1)] ?? "exited"))
    }
    const query = new URL(path, "http://engine").searchParams
    const tail = query.get("tail")
    const all = query.get("follow") === "1" ? followed : tail === "all" ? lines : lines.slice(-Number(tail))
    response.writeHead(200)
    const next = (n: number): void => {
      if (n === all.length) return void response.end()
      response.write(stdout(all[n] ?? ""))
      // Apart, so that each is read by itself.
      setTimeout(() => next(n + 1), 50)
    }
    next(0)
  })
}

const logs = (options: Backend.LogsOptions) =>
  Effect.fnUntraced(function*(statuses: ReadonlyArray<string>, followed: ReadonlyArray<string>) {
    const { host, requests } = yield* logging(statuses, followed)
    const frames = yield* Effect.provide(Stream.runCollect(Container.logs("a", options)), engine(host))
    return { text: text(frames), requests: requests.filter((one) => one.includes("/logs")).length }
  }, Effect.scoped)

describe("a log that is followed", { timeout: 60_000 }, () => {
  const follow = logs({ follow: true })

  it.live("is whole, though Podman drops lines once the container has ended", () =>
    Effect.gen(function*() {
      // Asked once for the terminal, once before following, then for each piece.
      const found = yield* follow(["running", "running", "running", "exited"], ["1\n", "2\n", "4\n"])
      assert.deepStrictEqual(found, { text: "1\n2\n3\n4\n5\n", requests: 2 })
    }))

  it.live("is not followed where the container has ended", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* follow(["exited"], ["2\n"]), { text: "1\n2\n3\n4\n5\n", requests: 1 })
    }))

  it.live("goes on when a paused container does", () =>
    Effect.gen(function*() {
      const { text } = yield* follow(["running", "paused", "paused", "running", "exited"], ["1\n", "3\n"])
      assert.strictEqual(text, "1\n2\n3\n4\n5\n")
    }))

  it.live("begins at the lines that are asked for", () =>
    Effect.gen(function*() {
      const last = logs({ follow: true, tail: 2 })
      assert.strictEqual((yield* last(["exited"], [])).text, "4\n5\n")
      assert.strictEqual((yield* last(["running", "running", "running", "exited"], lines)).text, "4\n5\n")
    }))
})

describe("what Podman says at the end of an output", () => {
  const notice = "Error: read unixpacket @->/proc/self/fd/13/attach: read: connection reset by peer\n"
  const frame = (text: string, source: "stdout" | "stderr" = "stderr"): Logs.Frame => ({
    source,
    bytes: encoder.encode(text)
  })
  const left = (...frames: ReadonlyArray<Logs.Frame>) =>
    Effect.map(Stream.runCollect(withoutNotice(Stream.fromIterable(frames), { tty: false })), text)

  it.effect("is nobody's output, in one piece or in several", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* left(frame("a\n"), frame(notice)), "a\n")
      assert.strictEqual(yield* left(frame("a\n"), frame(notice.slice(0, 20)), frame(notice.slice(20))), "a\n")
    }))

  it.effect("is kept where it is the container's", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* left(frame(notice), frame("a\n")), `${notice}a\n`)
      assert.strictEqual(yield* left(frame(notice, "stdout")), notice)
      assert.strictEqual(yield* left(frame("Error: no\n"), frame("Error: read")), "Error: no\nError: read")
      assert.strictEqual(yield* left(frame(notice), frame(notice)), notice)
    }))
})

const statHeader = "X-Docker-Container-Path-Stat"
const stat = (of: object) => Buffer.from(JSON.stringify({ mtime: "2024-01-01T00:00:00Z", ...of })).toString("base64")
const file = { size: 7, mode: 0o644, linkTarget: "/srv/file" }
const link = { size: 8, mode: 2 ** 27 + 0o777, linkTarget: "/nowhere" }

const copyOut = Effect.flatMap(Backend.Backend, (backend) => Stream.runCollect(backend.copyOut("a", "/srv/link")))

describe("an output that broke off, as the process has not read all of its input", () => {
  const frame = (source: "stdout" | "stderr", text: string): Logs.Frame => ({ source, bytes: encoder.encode(text) })
  const log = [frame("stdout", "one\n"), frame("stderr", "no\n"), frame("stdout", "two\n"), frame("stderr", "none\n")]
  const found = (
    told: ReadonlyArray<Logs.Frame>,
    kept: Stream.Stream<Logs.Frame, Errors.Reason> = Stream.fromIterable(log)
  ) =>
    Effect.map(
      Stream.runCollect(completed(Stream.fromIterable(told), kept)),
      (frames) => frames.map(({ bytes, source }) => `${source}: ${Buffer.from(bytes).toString()}`)
    )

  it.effect("is completed from the log, each source by itself", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* found([]), ["stdout: one\n", "stderr: no\n", "stdout: two\n", "stderr: none\n"])
      assert.deepStrictEqual(yield* found([frame("stderr", "no\nno"), frame("stdout", "one\n")]), [
        "stderr: no\nno",
        "stdout: one\n",
        "stdout: two\n",
        "stderr: ne\n"
      ])
      assert.lengthOf(yield* found(log), 4)
    }))

  it.effect("is what it is where the log is another's, or does not keep bytes", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* found([frame("stdout", "onf\n"), frame("stderr", "no\n")]), [
        "stdout: onf\n",
        "stderr: no\n",
        "stderr: none\n"
      ])
    }))

  it.effect("is what it is where there is no log", () =>
    Effect.gen(function*() {
      const gone = Stream.fail(new Errors.NotFound({ operation: "logs", message: "no such container" }))
      assert.deepStrictEqual(yield* found([frame("stdout", "one\n")], gone), ["stdout: one\n"])
    }))
})

describe("in Docker's words", { timeout: 60_000 }, () => {
  it.live("names and events", () =>
    Effect.scoped(Effect.gen(function*() {
      const event = (type: string, action: string, attributes: object) =>
        `${JSON.stringify({ Type: type, Action: action, Actor: { ID: "a", Attributes: attributes }, time: 1 })}\n`
      const { host, requests } = yield* podman((_, response, path) => {
        if (path === "/containers/a/json") return json(response, 200, inspected("stopped"))
        response.writeHead(200)
        response.write(event("container", "remove", { image: "docker.io/library/gcc:14", name: "a", podId: "" }))
        response.end(event("image", "tag", { image: "", name: "docker.io/library/gcc:14" }))
      })
      yield* Effect.gen(function*() {
        const backend = yield* Backend.Backend
        const { image, state } = yield* backend.inspect("a")
        assert.deepStrictEqual({ image, state }, { image: "gcc:14", state: "exited" })
        const since = DateTime.makeUnsafe(0)
        const events = yield* backend.events({ since, filter: Filter.event("destroy") }).pipe(
          Stream.take(2),
          Stream.runCollect
        )
        assert.deepStrictEqual(events.map(({ action, attributes }) => ({ action, attributes })), [
          { action: "destroy", attributes: { image: "gcc:14", name: "a" } },
          { action: "tag", attributes: { name: "gcc:14" } }
        ])
      }).pipe(Effect.provide(engine(host)))
      const asked = new URL(requests.at(-1)?.slice("GET ".length) ?? "", "http://engine").searchParams.get("filters")
      assert.strictEqual(asked, JSON.stringify({ event: ["remove"] }))
    })))

  it.live("containers of one bridge do not reach those of another, whatever Podman's version", () =>
    Effect.scoped(Effect.gen(function*() {
      const asked: Array<unknown> = []
      const { host } = yield* podman((request, response, path) => {
        if (path !== "/networks/create") return json(response, 200, {})
        let body = ""
        request.on("data", (chunk: Buffer) => body += chunk.toString())
        request.on("end", () => {
          asked.push(JSON.parse(body).Options)
          json(response, 201, { Id: "a" })
        })
      })
      const made = (options: Readonly<Record<string, string>>, driver?: string) =>
        Effect.flatMap(
          Backend.Backend,
          ({ createNetwork }) => createNetwork({ name: "a", internal: false, ipv6: false, labels: {}, options, driver })
        )
      yield* Effect.provide(
        Effect.all([made({ mtu: "1400" }), made({ isolate: "false" }, "bridge"), made({ mode: "l2" }, "ipvlan")]),
        engine(host)
      )
      assert.deepStrictEqual(asked, [{ isolate: "true", mtu: "1400" }, { isolate: "false" }, { mode: "l2" }])
    })))

  for (
    const [policy, states, asked] of [
      // It ended by itself: Podman puts it away and starts it again all the same.
      ["always", ["stopped", "exited", "exited", "running", "exited"], 3],
      ["no", ["stopped", "exited"], 2]
    ] as const
  ) {
    it.live(`a container with the policy "${policy}" is stopped when it stays so`, () =>
      Effect.scoped(Effect.gen(function*() {
        let looks = 0
        const { host, requests } = yield* podman((_, response, path) => {
          if (path.includes("/stop")) return response.writeHead(304).end()
          if (path !== "/containers/a/json") return json(response, 200, {})
          json(response, 200, {
            ...inspected(states[looks++] ?? "exited"),
            HostConfig: { RestartPolicy: { Name: policy } }
          })
        })
        yield* Effect.flatMap(Backend.Backend, ({ stop }) => stop("a", { grace: 0 })).pipe(Effect.provide(engine(host)))
        assert.strictEqual(requests.filter((request) => request.includes("/stop")).length, asked)
      })))
  }

  it.live("a container that Podman starts again each time is said not to be stopped", () =>
    Effect.scoped(Effect.gen(function*() {
      const { host } = yield* podman((_, response, path) =>
        path.includes("/stop") ? response.writeHead(304).end() : json(response, 200, inspected("running"))
      )
      const error = yield* Effect.flatMap(Backend.Backend, ({ stop }) => stop("a", { grace: 0 })).pipe(
        Effect.provide(engine(host)),
        Effect.flip
      )
      assert.strictEqual("reason" in error ? error.reason._tag : error._tag, "TimedOut")
    })))

  it.live("an image is there, though another that is removed meanwhile is said not to be", () =>
    Effect.scoped(Effect.gen(function*() {
      let asked = 0
      const { host } = yield* podman((_, response, path) => {
        if (path === "/images/none/json") return json(response, 404, { message: "none: image not known" })
        if (!path.startsWith("/images/")) return json(response, 200, {})
        if (++asked < 4) return json(response, 500, { message: "locating image with ID \"0\": image not known" })
        json(response, 200, {
          Id: "sha256:1",
          RepoTags: ["a:1"],
          RepoDigests: [],
          Size: 1,
          Created: "2024-01-01T00:00:00Z"
        })
      })
      yield* Effect.gen(function*() {
        const { inspectImage } = yield* Backend.Backend
        assert.strictEqual((yield* inspectImage("a:1")).id, "sha256:1")
        assert.strictEqual((yield* Effect.flip(inspectImage("none"))).reason._tag, "NotFound")
      }).pipe(Effect.provide(engine(host)))
      assert.strictEqual(asked, 4)
    })))

  it.live("a pull's last word of a layer, a removal's ids", () =>
    Effect.scoped(Effect.gen(function*() {
      const digits = "0123456789abcdef".repeat(4)
      const { host } = yield* podman((request, response) => {
        if (request.method === "DELETE") {
          return json(response, 200, [{ Deleted: digits }, { Untagged: "docker.io/library/gcc:14" }])
        }
        json(response, 200, { status: "Download complete", progressDetail: {}, id: "e24f4f3f2fe1" })
      })
      yield* Effect.gen(function*() {
        const backend = yield* Backend.Backend
        const statuses = yield* Stream.runCollect(backend.pull("gcc:14"))
        assert.deepStrictEqual(statuses.map(({ phase }) => phase), ["Complete"])
        assert.deepStrictEqual(yield* backend.removeImage("gcc:14", { force: false }), {
          untagged: ["gcc:14"],
          deleted: [`sha256:${digits}`]
        })
      }).pipe(Effect.provide(engine(host)))
    })))

  it.live("an image that went while it was asked for again is removed", () =>
    Effect.scoped(Effect.gen(function*() {
      let asked = 0
      const { host } = yield* podman((request, response) => {
        if (request.method !== "DELETE") return json(response, 200, {})
        if (++asked > 1) return json(response, 404, { cause: "image not known", message: "1: image not known" })
        const message = "image used by 2: image is in use by a container: consider listing external containers"
        json(response, 409, { cause: "image is in use by a container", message })
      })
      const removed = yield* Effect.provide(
        Effect.flatMap(Backend.Backend, ({ removeImage }) => removeImage("gcc:14", { force: true })),
        engine(host)
      )
      assert.deepStrictEqual(removed, { untagged: [], deleted: [] })
    })))

  it.live("an image whose containers come and go meanwhile is removed", () =>
    Effect.scoped(Effect.gen(function*() {
      let asked = 0
      const { host } = yield* podman((request, response) => {
        if (request.method !== "DELETE") return json(response, 200, {})
        if (++asked > 2) return json(response, 200, [{ Untagged: "docker.io/library/gcc:14" }])
        if (asked === 2) {
          const message =
            "image used by 2: image is in use by a container: consider listing external containers and force-removing image"
          return json(response, 409, { cause: "image is in use by a container", message })
        }
        const message = `removing image 1: container 2 using image could not be removed: no container with ID 2 found`
        json(response, 500, { cause: "no such container", message })
      })
      const { untagged } = yield* Effect.provide(
        Effect.flatMap(Backend.Backend, ({ removeImage }) => removeImage("gcc:14", { force: true })),
        engine(host)
      )
      assert.deepStrictEqual(untagged, ["gcc:14"])
      assert.strictEqual(asked, 3)
    })))

  it.live("what is copied into a directory that is not there is refused before it is sent", () =>
    Effect.scoped(Effect.gen(function*() {
      const { host, requests } = yield* podman((request, response) => {
        if (request.method === "HEAD") return void response.writeHead(404).end()
        json(response, 404, { cause: "no such file or directory", message: "no such file or directory" })
      })
      const copy = Effect.flatMap(Backend.Backend, (backend) => backend.copyIn("a", "/no/such", Stream.empty))
      const error = yield* Effect.provide(Effect.flip(copy), engine(host))
      assert.strictEqual(error.reason._tag, "NotFound")
      assert.strictEqual(error.reason.message, "/no/such: no such file or directory")
      assert.isFalse(requests.some((one) => one.startsWith("PUT")))
    })))

  it.live("an empty answer about what a container uses is of one that does not run", () =>
    Effect.scoped(Effect.gen(function*() {
      const { host } = yield* podman((_, response) => void response.writeHead(200).end())
      const error = yield* Effect.provide(Effect.flip(Container.usage("a")), engine(host))
      assert.strictEqual(error.reason._tag, "Conflict")
    })))

  it.live("a link that leads nowhere is one, though it is said that nothing is there", () =>
    Effect.scoped(Effect.gen(function*() {
      const { host, requests } = yield* podman((request, response) => {
        if (request.method === "HEAD") return void response.writeHead(404, { [statHeader]: stat(link) }).end()
        json(response, 404, { message: "no such file or directory" })
      })
      const bytes = yield* Effect.provide(copyOut, engine(host))
      const [entry] = yield* Stream.runCollect(Stream.pipeThroughChannel(Stream.fromIterable(bytes), Tar.decode()))
      assert.deepStrictEqual([entry?.header.type, entry?.header.linkTarget], ["Symlink", "/nowhere"])
      const copy = Effect.flatMap(Backend.Backend, (backend) => backend.copyIn("a", "/srv/link", Stream.empty))
      assert.strictEqual((yield* Effect.provide(Effect.flip(copy), engine(host))).reason._tag, "NotFound")
      assert.isFalse(requests.some((one) => one.startsWith("PUT")))
    })))

  it.live.each([[1, "content"], [4, "content"], [5, undefined]] as const)(
    "an archive that is empty %i times, as the files are taken away while Podman looks, is asked for again",
    ([times, expected]) =>
      Effect.scoped(Effect.gen(function*() {
        const archive = yield* Stream.runCollect(
          Stream.pipeThroughChannel(Stream.make(Tar.file("file", "content")), Tar.encode())
        )
        let asked = 0
        const { host } = yield* podman((request, response, path) => {
          if (request.method === "HEAD") return void response.writeHead(200, { [statHeader]: stat(file) }).end()
          if (!path.startsWith("/containers/a/archive")) return json(response, 200, {})
          response.writeHead(200).end(++asked > times ? Buffer.concat(archive) : "")
        })
        const found = yield* Effect.provide(Effect.result(Container.readText("a", "/srv/file")), engine(host))
        if (expected !== undefined) return assert.deepStrictEqual(found, Result.succeed(expected))
        assert.strictEqual(
          Result.isFailure(found) && "reason" in found.failure && found.failure.reason._tag,
          "Protocol"
        )
        assert.strictEqual(asked, 5)
      }))
  )
})
