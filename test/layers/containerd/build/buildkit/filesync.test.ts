import { create, type MessageShape } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { send } from "effect-containers/layers/containerd/build/buildkit/filesync"
import * as Tree from "effect-containers/layers/containerd/build/buildkit/tree"
import { PacketSchema } from "effect-containers/layers/containerd/protocol/fsutil_pb"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

type Packet = MessageShape<typeof PacketSchema>

const packet = (type: number, id = 0, data = "") => create(PacketSchema, { type, id, data: Buffer.from(data) })

const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "efc-tree-"))
    mkdirSync(join(path, "a"))
    writeFileSync(join(path, "a", "z"), "inner")
    writeFileSync(join(path, "a.b"), "x".repeat(3 * 1024 * 1024))
    writeFileSync(join(path, "ä"), "")
    for (const [name, mode] of [["a", 0o755], ["a/z", 0o644], ["a.b", 0o644], ["ä", 0o4751]] as const) {
      chmodSync(join(path, name), mode)
    }
    symlinkSync("a/z", join(path, "link"))
    linkSync(join(path, "a", "z"), join(path, "same"))
    utimesSync(join(path, "a.b"), 5, 7)
    return path
  }),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** Asks for these files once all are listed, as BuildKit does, and ends when it has them. */
const exchange = Effect.fnUntraced(function*(tree: Tree.Tree, wanted: ReadonlyArray<string>) {
  const questions = yield* Queue.unbounded<Packet>()
  const listed: Array<Packet> = []
  const files = new Map<string, string>()
  const left = new Set<number>()
  let isEnded = false
  const answered = Effect.exit(send({
    header: () => undefined,
    messages: Stream.fromQueue(questions),
    answer: ({ data, id, stat, type }) =>
      Effect.gen(function*() {
        if (type === 0 && stat !== undefined) listed.push(create(PacketSchema, { type, id, stat }))
        else if (type === 0) {
          for (const [id, { stat }] of listed.entries()) {
            if (!wanted.includes(stat?.path ?? "")) continue
            left.add(id)
            yield* Queue.offer(questions, packet(1, id))
          }
          if (left.size === 0) yield* Queue.offer(questions, packet(3))
        } else if (type === 2) {
          const path = listed[id]?.stat?.path ?? ""
          files.set(path, (files.get(path) ?? "") + Buffer.from(data).toString())
          if (data.length === 0) left.delete(id)
          if (left.size === 0) yield* Queue.offer(questions, packet(3))
        } else if (type === 3) isEnded = true
      })
  }, tree))
  return { exit: yield* answered, listed: listed.map(({ stat }) => stat), files, isEnded: () => isEnded }
})

describe("a tree", () => {
  it.live("is listed in BuildKit's order and sent as it asks for it", () =>
    Effect.gen(function*() {
      const { exit, files, isEnded, listed } = yield* exchange(Tree.ofFolder(yield* folder), ["a.b", "a/z", "ä"])
      assert.strictEqual(exit._tag, "Success")
      assert.deepStrictEqual(
        listed.map((stat) => [stat?.path, ((stat?.mode ?? 0) >>> 0).toString(16), Number(stat?.size), stat?.linkname]),
        [
          ["a", "800001ed", 0, ""],
          ["a/z", "1a4", 5, ""],
          ["a.b", "1a4", 3 * 1024 * 1024, ""],
          ["link", "80001ff", 0, "a/z"],
          ["same", "1a4", 5, ""],
          ["ä", "8001e9", 0, ""]
        ]
      )
      assert.strictEqual(listed[2]?.modTime, 7_000_000_000n)
      assert.deepStrictEqual([...files].map(([path, text]) => [path, text.length]).toSorted(), [
        ["a.b", 3 * 1024 * 1024],
        ["a/z", 5],
        ["ä", 0]
      ])
      assert.strictEqual(isEnded(), true)
    }))
  it.live("of texts is one as well", () =>
    Effect.gen(function*() {
      const { files, listed } = yield* exchange(Tree.ofTexts({ b: "B", a: "A" }), ["b"])
      assert.deepStrictEqual(listed.map((stat) => stat?.path), ["a", "b"])
      assert.deepStrictEqual([...files], [["b", "B"]])
    }))
  it.live("that cannot be read is told to BuildKit", () =>
    Effect.gen(function*() {
      const { exit, isEnded } = yield* exchange(Tree.ofFolder("/nowhere"), [])
      assert.strictEqual(exit._tag, "Failure")
      assert.strictEqual(isEnded(), false)
    }))
  it.live("is not taken when BuildKit says so", () =>
    Effect.gen(function*() {
      const said = Stream.make(packet(4, 0, "no room"))
      const error = yield* Effect.flip(
        send({ header: () => undefined, messages: said, answer: () => Effect.void }, Tree.ofTexts({}))
      )
      assert.match(error.message, /no room/)
    }))
  it.live("has no other files than were listed", () =>
    Effect.gen(function*() {
      const said = Stream.make(packet(1, 9))
      const error = yield* Effect.flip(
        send({ header: () => undefined, messages: said, answer: () => Effect.void }, Tree.ofTexts({}))
      )
      assert.strictEqual(error._tag, "Protocol")
    }))
})
