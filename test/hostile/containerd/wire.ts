import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf"
import type * as Http2 from "node:http2"

/** The bytes of a message. */
export const encode = <Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Buffer =>
  Buffer.from(toBinary(schema, create(schema, message)))

/** A message as gRPC sends it: whether it is compressed, its length, its bytes. */
export const framed = (message: Uint8Array, length = message.length, flag = 0): Buffer => {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, message])
}

const headers = { ":status": 200, "content-type": "application/grpc+proto" }

/** Begins an answer whose end says how the call went, or nothing. */
export const begin = (
  stream: Http2.ServerHttp2Stream,
  trailers: Http2.OutgoingHttpHeaders | "none" = { "grpc-status": "0" }
): void => {
  if (stream.destroyed) return
  stream.respond(headers, { waitForTrailers: trailers !== "none" })
  if (trailers !== "none") stream.on("wantTrailers", () => stream.sendTrailers(trailers))
}

/** Answers with these messages. */
export const reply = (stream: Http2.ServerHttp2Stream, ...messages: ReadonlyArray<Uint8Array>): void => {
  if (stream.destroyed) return
  begin(stream)
  stream.end(Buffer.concat(messages.map((message) => framed(message))))
}

/** Says no. */
export const fail = (stream: Http2.ServerHttp2Stream, code: number, details = "it says no"): void => {
  if (stream.destroyed) return
  stream.respond(
    { ...headers, "grpc-status": String(code), "grpc-message": details },
    { endStream: true }
  )
}
