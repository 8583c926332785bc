import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { mkdtempSync, rmSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { attach } from "../../../../src/layers/containerd/daemon/attach.ts"

/** A keeper that does what a test says with each of its users. */
const keeper = (welcome: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly path: string; readonly close: () => void }>((resume) => {
      const folder = mkdtempSync(join(tmpdir(), "efc-attach-"))
      const path = join(folder, "keeper.sock")
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
        sockets.add(socket)
        socket.on("error", () => {}).resume()
        welcome(socket)
      })
      const close = () => {
        for (const socket of sockets) socket.destroy()
        server.close()
        rmSync(folder, { recursive: true, force: true })
      }
      server.listen(path, () => resume(Effect.succeed({ path, close })))
    }),
    ({ close }) => Effect.sync(close)
  )

const line = (what: object) => `${JSON.stringify(what)}\n`
const ready = { is: "ready", socket: "/there/containerd.sock", started: 12 }

describe("a user of a private engine", () => {
  it.live("waits until it is ready, be the line in pieces", () =>
    Effect.gen(function*() {
      const { path } = yield* keeper((socket) => {
        socket.write(line(ready).slice(0, 10))
        setTimeout(() => socket.write(line(ready).slice(10)), 20)
        socket.once("end", () => socket.end())
      })
      const attached = yield* attach(path)
      assert.strictEqual(attached?.socket, "/there/containerd.sock")
      assert.strictEqual(attached?.started, 12)
      assert.isFalse(attached?.isLost())
    }))

  it.live("leaves when its scope closes, and waits until it may go", () =>
    Effect.gen(function*() {
      let cleared = false
      const { path } = yield* keeper((socket) => {
        socket.write(line(ready))
        socket.once("end", () =>
          setTimeout(() => {
            cleared = true
            socket.end()
          }, 50))
      })
      yield* Effect.scoped(attach(path))
      assert.isTrue(cleared)
    }))

  it.live("is told that there is no keeper, or one that is about to end", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* attach("/nonexistent/keeper.sock"))
      const { path } = yield* keeper((socket) => socket.end())
      assert.isUndefined(yield* attach(path))
    }))

  it.live("is told why there will be none", () =>
    Effect.gen(function*() {
      const failing = yield* keeper((socket) => {
        socket.write(line({ is: "failed", message: "no such luck" }))
        socket.once("end", () => socket.end())
      })
      const failed = yield* Effect.flip(attach(failing.path))
      assert.deepStrictEqual([failed._tag, failed.message], ["Unavailable", "no such luck"])
      const odd = yield* keeper((socket) => {
        socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        socket.once("end", () => socket.end())
      })
      assert.strictEqual((yield* Effect.flip(attach(odd.path)))._tag, "Protocol")
    }))

  it.live("knows that its keeper went away", () =>
    Effect.gen(function*() {
      const one = yield* keeper((socket) => void socket.write(line(ready)))
      const scope = yield* Scope.make()
      const attached = yield* Scope.provide(attach(one.path), scope)
      assert.isFalse(attached?.isLost())
      one.close()
      yield* Effect.sleep("50 millis")
      assert.isTrue(attached?.isLost())
      yield* Scope.close(scope, Exit.void)
    }))
})
