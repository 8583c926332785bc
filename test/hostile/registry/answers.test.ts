import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Handler } from "../../layers/registry/fake.ts"
import { certificate, giveManifest, manifest as sent, no, ociManifest, serve } from "../../layers/registry/fake.ts"
import { hostile } from "../case.ts"
import * as Use from "./use.ts"

/** Goes on with a piece for as long as anybody listens. */
const endless = (piece: Buffer, every?: number): Handler => (_, response) => {
  response.writeHead(200, { "Content-Type": ociManifest })
  const more = () => {
    if (response.destroyed) return
    response.write(piece, () => void (every === undefined ? setImmediate(more) : setTimeout(more, every)))
  }
  more()
}

const giving = (body: string | Buffer, type = ociManifest): Handler => (_, response) => {
  response.writeHead(200, { "Content-Type": type }).end(body)
}

const whole = JSON.stringify(JSON.parse(sent.toString()))
const head = `HTTP/1.1 200 OK\r\nContent-Type: ${ociManifest}\r\nTransfer-Encoding: chunked\r\n\r\n`
const chunks = [whole.slice(0, 50), whole.slice(50), ""].map((text) => `${text.length.toString(16)}\r\n${text}\r\n`)
const wire = Buffer.from(head + chunks.join(""))

/** Sends as much of it as the tag says, and closes the connection. */
const cut: Handler = ({ socket }, _, { url }) => {
  const end = Number(url.pathname.slice(url.pathname.lastIndexOf("/") + 1))
  if (end === 0) socket.destroy()
  else socket.write(wire.subarray(0, end), () => socket.destroy())
}

const places = Array.from({ length: Math.ceil(wire.length / 3) }, (_, place) => 3 * place)

describe("registry, a manifest", () => {
  const cases: ReadonlyArray<readonly [what: string, gets: string, handler: Handler]> = [
    ["that is one", "a manifest", (_, response) => giveManifest(response)],
    ["without an end, faster than it can be read", "Protocol", endless(Buffer.alloc(1024 * 1024, " "))],
    ["without an end, a byte at a time", "TimedOut", endless(Buffer.from(" "), 20)],
    ["that never begins", "TimedOut", () => {}],
    ["whose body never begins", "TimedOut", (_, response) => void response.writeHead(200).flushHeaders()],
    ["that is a page", "Protocol", giving("<html>welcome</html>", "text/html")],
    ["with the type of a page", "a manifest", giving(sent, "text/html")],
    ["of a type that nobody knows, and nothing in it", "Protocol", giving("{}", "application/x-new")],
    ["that is an index as well", "Protocol", giving("{\"manifests\":[],\"layers\":[]}")],
    ["that is null", "Protocol", giving("null")],
    ["that is a list", "Protocol", giving("[]")],
    ["that is a number", "Protocol", giving("3")],
    ["that is empty", "Protocol", giving("")],
    ["that is not UTF-8", "Protocol", giving(Buffer.from([0xff, 0xfe, 0x7b]))],
    ["nested a million times", "Protocol", giving("[".repeat(1_000_000))],
    ["with another digest than its own header says", "Protocol", (_, response) => {
      response.writeHead(200, { "Docker-Content-Digest": `sha256:${"0".repeat(64)}` }).end(sent)
    }],
    ["in no language", "Protocol", ({ socket }) => void socket.end("\x16\x03\x01 not HTTP\r\n")],
    ["with a header of a megabyte", "Protocol", ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(1024 * 1024)}\r\n\r\n`)
    }],
    ["that leads round in a circle", "Protocol", (_, response) => {
      response.writeHead(302, { Location: "/again" }).end()
    }],
    ["that leads to a file", "Protocol", (_, response) => {
      response.writeHead(302, { Location: "file:///etc/passwd" }).end()
    }],
    ["that leads nowhere", "Protocol", (_, response) => void response.writeHead(307).end()],
    [
      "that is HTTP 429, for an hour",
      "ResourceExhausted 429",
      (_, response) => no(response, 429, "TOOMANYREQUESTS", "later", { "Retry-After": "3600" })
    ],
    [
      "that is HTTP 429, until whenever",
      "ResourceExhausted 429",
      (_, response) => no(response, 429, "TOOMANYREQUESTS", "later", { "Retry-After": "whenever" })
    ],
    ["that is HTTP 500, as a page without an end", "Unavailable 500", (_, response) => {
      response.writeHead(500)
      const more = () =>
        void (response.destroyed || response.write(Buffer.alloc(65_536, "x"), () => setImmediate(more)))
      more()
    }]
  ]
  for (const [what, gets, handler] of cases) {
    hostile(what, gets, Use.against(handler, Use.manifest, { config: gets === "TimedOut" ? Use.hurried : Use.config }))
  }

  hostile(
    "cut at every third place",
    `${places.length} times Unavailable`,
    Use.against(cut, (client, registry) =>
      Effect.gen(function*() {
        const ends = new Map<string, number>()
        yield* Effect.forEach(places, (at) =>
          Effect.map(Use.manifest(client, registry, String(at)), (said) => {
            const [end = ""] = said.split(" ")
            ends.set(end, (ends.get(end) ?? 0) + 1)
          }), { concurrency: 8, discard: true })
        return [...ends].map(([end, count]) => `${count} times ${end}`).join(", ")
      }), { config: { retries: { times: 0 } } })
  )

  hostile(
    "that leads from HTTPS to plain HTTP, with credentials",
    "Protocol, 0 requests in plain",
    Effect.gen(function*() {
      const { ca, ...tls } = yield* certificate
      const plain = yield* serve((_, response) => giveManifest(response))
      const secure = yield* serve(({ headers }, response) => {
        if (headers.authorization === undefined) {
          return no(response, 401, "UNAUTHORIZED", "who?", { "WWW-Authenticate": "Basic" })
        }
        response.writeHead(307, { Location: `http://${plain.host}/` }).end()
      }, tls)
      const gets = yield* Use.asking(secure.host, Use.manifest, {
        hosts: { [secure.host]: { plainHttp: false, ca }, [plain.host]: { plainHttp: false } }
      })
      return `${gets}, ${plain.seen.length} requests in plain`
    })
  )
})

describe("registry, a layer", () => {
  const half = Use.content.subarray(0, 50_000)
  hostile(
    "that stops in the middle, and says no more",
    "50000 bytes, then TimedOut",
    Use.against(
      (request, response) => {
        if (request.headers.range !== undefined) return
        response.writeHead(200, { "Content-Length": Use.content.length }).write(half)
      },
      Use.blob,
      { config: Use.hurried }
    )
  )
  hostile(
    "that comes slowly, but comes",
    "100000 bytes, then the end",
    Use.against((_, response) => {
      response.writeHead(200, { "Content-Length": Use.content.length })
      let at = 0
      const more = () => {
        if (response.destroyed) return
        response.write(Use.content.subarray(at, at += 5000))
        if (at >= Use.content.length) response.end()
        else setTimeout(more, 20)
      }
      more()
    }, Use.blob)
  )
  hostile(
    "that never gets beyond the middle",
    "50000 bytes, then Unavailable",
    Use.against((request, response, { headers }) => {
      if (headers.range !== undefined) {
        response.writeHead(206, { "Content-Range": `bytes 50000-99999/${Use.content.length}` }).flushHeaders()
        return void setTimeout(() => request.socket.destroy(), 20)
      }
      response.writeHead(200, { "Content-Length": Use.content.length })
      response.write(half, () => setTimeout(() => response.destroy(), 20))
    }, Use.blob)
  )
  hostile(
    "without an end",
    "100000 bytes, then Protocol",
    Use.against((_, response) => {
      response.writeHead(200)
      response.write(Use.content)
      const more = () => void (response.destroyed || response.write(half, () => setImmediate(more)))
      setTimeout(more, 50)
    }, Use.blob)
  )
})
