import { Duplex } from "node:stream"
import { encode } from "../../channel.ts"
import { type BytesMessage, BytesMessageSchema } from "../../protocol/buildkit-control_pb.ts"

/** So much is sent as one message at most: bytes. */
const largest = 1024 * 1024

/** The part of a call that is needed here. */
interface Call {
  readonly write: (message: Uint8Array, done: (error?: Error | null) => void) => unknown
  readonly pause: () => unknown
  readonly resume: () => unknown
  readonly end: () => unknown
  readonly cancel: () => void
  readonly on: {
    (event: "data", listener: (message: BytesMessage) => void): unknown
    (event: "end" | "close", listener: () => void): unknown
    (event: "error", listener: (cause: Error) => void): unknown
  }
}

/** The connection that a call carries, one message for whatever was written at once. Destroying it cancels the call. */
export const make = (call: Call): Duplex => {
  const send = (bytes: Buffer, done: (error?: Error | null) => void): void => {
    if (bytes.length <= largest) return void call.write(encode(BytesMessageSchema, { data: bytes }), done)
    call.write(encode(BytesMessageSchema, { data: bytes.subarray(0, largest) }), (error) => {
      if (error === undefined || error === null) send(bytes.subarray(largest), done)
      else done(error)
    })
  }
  const pipe = new Duplex({
    read: () => void call.resume(),
    write: (chunk: Buffer, _encoding, done) => send(chunk, done),
    writev: (chunks, done) => send(Buffer.concat(chunks.map(({ chunk }: { readonly chunk: Buffer }) => chunk)), done),
    final: (done) => {
      call.end()
      done()
    },
    destroy: (error, done) => {
      call.cancel()
      done(error)
    }
  })
  call.on("data", ({ data }) => {
    if (!pipe.destroyed && data.length > 0 && !pipe.push(data)) call.pause()
  })
  call.on("end", () => {
    if (!pipe.destroyed) pipe.push(null)
  })
  call.on("error", (cause) => void pipe.destroy(cause))
  call.on("close", () => void pipe.destroy())
  // Whoever reads from it is told; there may be nobody any more.
  pipe.on("error", () => {})
  return pipe
}
