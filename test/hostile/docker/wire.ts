import { Logs } from "effect-containers"
import type * as Http from "node:http"

const encoder = new TextEncoder()

export const bytes = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? encoder.encode(content) : content

/** A frame of a container's output. */
export const frame = (source: "stdout" | "stderr", content: string | Uint8Array): Uint8Array =>
  Logs.encode({ source, bytes: bytes(content) })

/** The header of a frame, of any stream and any length. */
export const header = (stream: number, length: number): Uint8Array => {
  const out = new Uint8Array(8)
  out[0] = stream
  new DataView(out.buffer).setUint32(4, length)
  return out
}

/** A line of an answer that is one JSON value a line. */
export const line = (value: unknown): string => `${JSON.stringify(value)}\n`

export const downloading = line({ status: "Downloading", progressDetail: { current: 1, total: 2 }, id: "a" })

/** A chunk of a chunked body. */
export const chunk = (content: string): string => `${Buffer.byteLength(content).toString(16)}\r\n${content}\r\n`

export const chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

/** Writes these and closes the connection without a word. */
export const cutAfter =
  (...contents: ReadonlyArray<string | Uint8Array>) =>
  ({ request: { socket } }: { readonly request: Http.IncomingMessage }): void => {
    const content = Buffer.concat(contents.map(bytes))
    if (content.length === 0) socket.destroy()
    // What is written is on its way before the connection ends.
    else socket.write(content, () => socket.destroy())
  }
