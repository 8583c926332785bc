import { assert, describe, it } from "@effect/vitest"
import { encode, entryLength, paths } from "effect-containers/layers/containerd/stdio/order"
import { read } from "effect-containers/layers/containerd/stdio/replay"
import type { Frame } from "effect-containers/Logs"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bytes, checkAsync, concat, cuts, isReason, split, text } from "./fuzz.ts"

type Source = Frame["source"]

const source = fc.constantFrom<Source>("stdout", "stderr")

const piece = fc.tuple(source, text("\n\n\0é", 6).map((text) => new TextEncoder().encode(text)))

const pieces = fc.array(piece, { maxLength: 8 })

const tail = fc.option(fc.nat(6), { nil: undefined })

/** An entry that nobody has written. */
const odd = fc.oneof(
  fc.tuple(source, fc.double(), fc.double()).map(([source, time, size]) => encode(source, time, size)),
  bytes(2 * entryLength),
  fc.constant(encode("end", 0, 0))
)

const withLog = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "efz-"))
  mkdirSync(join(folder, "log"))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const write = (folder: string, written: ReadonlyArray<readonly [Source, Uint8Array]>, order: Uint8Array) => {
  const log = paths(folder)
  for (const name of ["stdout", "stderr"] as const) {
    writeFileSync(log[name], concat(written.flatMap(([source, bytes]) => source === name ? [bytes] : [])))
  }
  writeFileSync(log.order, order)
  return log
}

/** What an observer would have put down. */
const orderOf = (written: ReadonlyArray<readonly [Source, Uint8Array]>): ReadonlyArray<Uint8Array> => {
  const sizes = { stdout: 0, stderr: 0 }
  return written.map(([source, { length }], time) => encode(source, time, sizes[source] += length))
}

const collect = async (stream: Stream.Stream<Frame, unknown>) => {
  const out: Array<Frame> = []
  const exit = await Effect.runPromiseExit(
    Stream.runForEach(stream, (frame) => Effect.sync(() => out.push(frame)))
  )
  return { out, exit }
}

const joined = (frames: ReadonlyArray<readonly [Source, Uint8Array]>): ReadonlyArray<readonly [Source, string]> => {
  const out: Array<[Source, string]> = []
  for (const [source, bytes] of frames) {
    if (bytes.length === 0) continue
    const hex = Buffer.from(bytes).toString("hex")
    const last = out.at(-1)
    if (last?.[0] === source) last[1] += hex
    else out.push([source, hex])
  }
  return out
}

describe("fuzz, a kept log", { timeout: 180_000 }, () => {
  it("comes back in the order in which it was written", () =>
    withLog((folder) =>
      checkAsync(pieces, async (written) => {
        const { exit, out } = await collect(read(write(folder, written, concat(orderOf(written))), {}, undefined))
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(joined(out.map(({ bytes, source }) => [source, bytes])), joined(written))
      }, { corpus: "kept-log", runs: 150 })
    ))

  it("is all there wherever the file that says in which order was cut off, and wherever a write was cut in two", () =>
    withLog((folder) =>
      checkAsync(fc.tuple(pieces, fc.integer({ min: 0, max: 1000 }), cuts), async ([written, at, cuts]) => {
        const cut = written.flatMap(([source, bytes]) => split(bytes, cuts).map((bytes) => [source, bytes] as const))
        const order = concat(orderOf(cut))
        const torn = order.subarray(0, Math.floor(at * order.length / 1000))
        const { exit, out } = await collect(read(write(folder, cut, torn), {}, undefined))
        assert.isTrue(Exit.isSuccess(exit), String(exit))
        for (const name of ["stdout", "stderr"] as const) {
          const of = (all: ReadonlyArray<readonly [Source, Uint8Array]>) =>
            Buffer.concat(all.flatMap(([source, bytes]) => source === name ? [bytes] : [])).toString("hex")
          assert.strictEqual(of(out.map(({ bytes, source }) => [source, bytes])), of(written))
        }
      }, { corpus: "kept-log-torn", runs: 300 })
    ))

  it("whatever says in which order, all of it comes or a failure, and no defect", () =>
    withLog((folder) =>
      checkAsync(
        fc.tuple(pieces, fc.array(fc.tuple(fc.nat(8), odd), { maxLength: 3 }), tail, fc.boolean()),
        async ([written, odds, tail, timestamps]) => {
          const order = [...orderOf(written)]
          for (const [at, entry] of odds) order.splice(at, 0, entry)
          const options = { timestamps, ...(tail === undefined ? {} : { tail }) }
          const { exit, out } = await collect(read(write(folder, written, concat(order)), options, undefined))
          if (Exit.isFailure(exit)) {
            const error = Exit.findErrorOption(exit)
            assert.isTrue(error._tag === "Some" && isReason(error.value), String(exit.cause))
          }
          for (const name of ["stdout", "stderr"] as const) {
            const of = (all: ReadonlyArray<readonly [Source, Uint8Array]>) =>
              Buffer.concat(all.flatMap(([source, bytes]) => source === name ? [bytes] : [])).toString("hex")
            // Nothing is made up, and nothing comes twice.
            assert.include(of(written), of(out.map(({ bytes, source }) => [source, bytes])))
          }
        },
        { corpus: "kept-log-order", runs: 300 }
      )
    ))
})
