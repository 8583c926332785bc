import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { randomBytes } from "node:crypto"
import { client, collect, failure, image, pull } from "./client.ts"
import { eventually, type Handler, no, serve, sha256 } from "./fake.ts"

const content = randomBytes(300_000)
const descriptor = { mediaType: "application/octet-stream", digest: sha256(content), size: content.length }

const startOf = (range: string | undefined): number => Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0)

/** A registry as it should be: whole, or from where it is asked. `cut` ends the connection after so many bytes. */
const give = (cut?: (count: number) => number | undefined): Handler => {
  let count = 0
  return (_, response, { headers }) => {
    const start = startOf(headers.range)
    const rest = content.subarray(start)
    response.writeHead(headers.range === undefined ? 200 : 206, {
      "Content-Length": rest.length,
      ...(headers.range === undefined
        ? {}
        : { "Content-Range": `bytes ${start}-${content.length - 1}/${content.length}` })
    })
    const until = cut?.(++count)
    if (until === undefined) response.end(rest)
    else response.write(rest.subarray(0, until), () => response.destroy())
  }
}

const ask = Effect.fnUntraced(function*(handler: Handler, offset?: number, of = descriptor) {
  const fake = yield* serve(handler)
  const { blob } = yield* client()
  return { fake, got: blob(image(fake.host), of, { ...pull, offset }) }
})

describe("blobs", { timeout: 60_000 }, () => {
  it.live("whole, from the middle, and nothing", () =>
    Effect.gen(function*() {
      const { fake, got } = yield* ask(give())
      assert.isTrue((yield* collect(got)).equals(content))
      assert.isTrue((yield* collect(got)).equals(content), "a stream can be run again")
      assert.strictEqual(fake.connections(), 1)
      const middle = yield* ask(give(), 100_001)
      assert.isTrue((yield* collect(middle.got)).equals(content.subarray(100_001)))
      assert.strictEqual(middle.fake.seen[0]?.headers.range, "bytes=100001-299999")
      const end = yield* ask(give(), content.length)
      assert.strictEqual((yield* collect(end.got)).length, 0)
      assert.strictEqual(end.fake.seen.length, 0)
      const beyond = yield* ask(give(), content.length + 1)
      assert.strictEqual((yield* failure(collect(beyond.got)))._tag, "InvalidArgument")
    }))

  it.live("a connection that is cut goes on from where it stood", () =>
    Effect.gen(function*() {
      const { fake, got } = yield* ask(give((count) => count <= 2 ? 70_000 : undefined))
      assert.isTrue((yield* collect(got)).equals(content))
      assert.strictEqual(fake.seen.length, 3)
      const ranges = fake.seen.map(({ headers }) => startOf(headers.range))
      assert.isTrue(ranges[0] === 0 && ranges[1]! > 0 && ranges[2]! > ranges[1]!, ranges.join())
    }))

  it.live("the whole in place of the rest: what is known is left out", () =>
    Effect.gen(function*() {
      let count = 0
      const { got } = yield* ask((_, response) => {
        response.writeHead(200, { "Content-Length": content.length })
        if (count++ > 0) response.end(content)
        else response.write(content.subarray(0, 70_000), () => response.destroy())
      })
      assert.isTrue((yield* collect(got)).equals(content))
      assert.strictEqual(count, 2)
    }))

  it.live("one that never gets on is given up", () =>
    Effect.gen(function*() {
      const { fake, got } = yield* ask(give(() => 0))
      const reason = yield* failure(collect(got))
      assert.strictEqual(reason._tag, "Unavailable")
      assert.include(reason.message, descriptor.digest)
      assert.strictEqual(fake.seen.length, 4)
    }))

  it.live("too much, too little, another part, none at all", () =>
    Effect.gen(function*() {
      const tags = Effect.fnUntraced(function*(handler: Handler, offset?: number) {
        const { fake, got } = yield* ask(handler, offset)
        const { _tag } = yield* failure(collect(got))
        assert.strictEqual(fake.seen.length, 1)
        return _tag
      })
      const sized: Handler = (_, response) => {
        response.writeHead(200, { "Content-Length": 5 })
        response.end("short")
      }
      assert.strictEqual(yield* tags(sized), "Protocol")
      assert.strictEqual(yield* tags((_, response) => response.write("short", () => response.end())), "Protocol")
      assert.strictEqual(
        yield* tags((_, response) => {
          response.write(content)
          response.end("more")
        }),
        "Protocol"
      )
      assert.strictEqual(yield* tags((_, response) => no(response, 416, "RANGE_INVALID", "no"), 10), "Protocol")
      assert.strictEqual(
        yield* tags((_, response) => {
          response.writeHead(206, { "Content-Range": `bytes 0-9/${content.length}` })
          response.end(content.subarray(0, 10))
        }, 10),
        "Protocol"
      )
      assert.strictEqual(yield* tags((_, response) => response.writeHead(206).end(content)), "Protocol")
      assert.strictEqual(yield* tags((_, response) => no(response, 404, "BLOB_UNKNOWN", "gone")), "NotFound")
    }))

  it.live("a consumer that waits makes the registry wait", () =>
    Effect.gen(function*() {
      const size = 256 * 1024 * 1024
      let sent = 0
      const chunk = Buffer.alloc(1024 * 1024)
      const { fake, got } = yield* ask(
        (_, response) => {
          response.writeHead(200, { "Content-Length": size })
          const more = () => {
            if (response.destroyed || sent >= size) return
            sent += chunk.length
            response.write(chunk, more)
          }
          more()
        },
        0,
        { ...descriptor, size }
      )
      yield* Stream.runForEach(Stream.take(got, 1), () => Effect.sleep(300))
      assert.isBelow(sent, 64 * 1024 * 1024)
      yield* eventually(() => fake.sockets.size === 0)
    }))

  it.effect("one that says nothing more is asked again from there", () =>
    Effect.gen(function*() {
      let count = 0
      const fake = yield* serve((request, response, seen) => {
        if (count++ > 0) return give()(request, response, seen)
        response.writeHead(200, { "Content-Length": content.length })
        response.write(content.subarray(0, 1000))
      })
      const { blob } = yield* client({ stallTimeout: 30_000 })
      let bytes = 0
      const fiber = yield* Effect.forkChild(
        Effect.result(Stream.runForEach(
          blob(image(fake.host), descriptor, pull),
          (chunk) => Effect.sync(() => void (bytes += chunk.length))
        ))
      )
      yield* eventually(() => bytes === 1000)
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(fake.seen.length, 1)
      yield* TestClock.adjust("2 seconds")
      yield* eventually(() => fake.seen.length === 2)
      assert.strictEqual(fake.seen[1]?.headers.range, "bytes=1000-299999")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Success")
      assert.strictEqual(bytes, content.length)
    }))

  it.live("interruption closes the connection", () =>
    Effect.gen(function*() {
      const { fake, got } = yield* ask((_, response) => {
        response.writeHead(200, { "Content-Length": content.length })
        response.write("a")
      })
      const fiber = yield* Effect.forkChild(Stream.runDrain(got))
      yield* eventually(() => fake.seen.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* eventually(() => fake.sockets.size === 0)
    }))
})
