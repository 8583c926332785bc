import { create, toBinary } from "@bufbuild/protobuf"
import { WriteMessage } from "effect-containers/layers/containerd/images/message"
import { WriteContentRequestSchema } from "effect-containers/layers/containerd/protocol/content_pb"
import * as fc from "fast-check"
import { expect, it } from "vitest"

const generated = (offset: number, data: Uint8Array) =>
  Buffer.from(
    toBinary(WriteContentRequestSchema, create(WriteContentRequestSchema, { action: 1, offset: BigInt(offset), data }))
  )

it("a message is what the generated encoder makes of it, however the data came", () => {
  fc.assert(fc.property(
    fc.oneof(fc.nat(300), fc.maxSafeNat()),
    fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }),
    fc.integer({ min: 1, max: 400 }),
    (start, chunks, size) => {
      const message = new WriteMessage(size)
      const all = Buffer.concat(chunks)
      let offset = Math.min(start, Number.MAX_SAFE_INTEGER - all.length)
      let sent = 0
      const flush = () => {
        const { length } = message
        expect(Buffer.from(message.encode(offset))).toEqual(generated(offset, all.subarray(sent, sent + length)))
        offset += length
        sent += length
      }
      for (const chunk of chunks) {
        let at = 0
        while (at < chunk.length) {
          at += message.fill(chunk, at)
          if (message.isFull) flush()
        }
      }
      flush()
      expect(sent).toBe(all.length)
    }
  ))
})

it("holds a whole MiB", () => {
  const size = 1024 * 1024
  const message = new WriteMessage(size)
  const data = Buffer.alloc(size + 5, 7)
  expect(message.fill(data, 0)).toBe(size)
  expect(message.isFull).toBe(true)
  expect(Buffer.from(message.encode(2 ** 40)).equals(generated(2 ** 40, data.subarray(0, size)))).toBe(true)
  expect(message.length).toBe(0)
})
