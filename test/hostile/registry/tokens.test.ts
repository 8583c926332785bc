import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Handler, json, no, serve } from "../../layers/registry/fake.ts"
import { hostile } from "../case.ts"
import * as Use from "./use.ts"

describe("registry, who wants to know who asks", () => {
  const cases: ReadonlyArray<readonly [what: string, gets: string, challenge: string | undefined]> = [
    ["and does not say how", "Unauthenticated 401", undefined],
    ["by no means", "Protocol", ""],
    ["by means that nobody knows", "Protocol", "Negotiate, NTLM abc="],
    ["by a token from nowhere", "Protocol", "Bearer service=\"x\""],
    ["by a token from no address", "Protocol", "Bearer realm=\"http://\""],
    ["by a token from a file", "Protocol", "Bearer realm=\"file:///etc/passwd\""],
    ["by a token of plain HTTP from elsewhere", "Unavailable", "Bearer realm=\"http://127.0.0.1:1/\""],
    ["whoever says it", "Unauthenticated 401", "Basic"],
    ["in a header of many quotes", "Protocol", `Bearer realm="${"\\\"".repeat(4000)}"`]
  ]
  for (const [what, gets, challenge] of cases) {
    hostile(
      what,
      gets,
      Effect.map(
        Use.against(
          (_, response) =>
            no(response, 401, "UNAUTHORIZED", "who?", challenge === undefined ? {} : { "WWW-Authenticate": challenge }),
          Use.manifest
        ),
        (end) => end.replace(/ E\w+$/, "")
      )
    )
  }
})

describe("registry, a token", () => {
  const cases: ReadonlyArray<readonly [what: string, gets: string, handler: Handler]> = [
    ["that is garbage", "Protocol", (_, response) => response.end("\x00garbage")],
    ["that is null", "Protocol", (_, response) => json(response, 200, null)],
    ["that is a number", "Protocol", (_, response) => json(response, 200, { token: 3 })],
    ["that is empty", "Protocol", (_, response) => json(response, 200, { token: "", access_token: "" })],
    ["with a line's end", "Protocol", (_, response) => json(response, 200, { token: "a\r\nX: y" })],
    [
      "that lives for no time that is one",
      "Protocol",
      (_, response) => json(response, 200, { token: "a", expires_in: "soon" })
    ],
    ["of 2 MiB", "Protocol", (_, response) => json(response, 200, { token: "a".repeat(2 * 1024 * 1024) })],
    ["without an end", "Protocol", (_, response) => {
      const more = () =>
        void (response.destroyed || response.write(Buffer.alloc(65_536, "a"), () => setImmediate(more)))
      more()
    }],
    ["that never comes", "TimedOut", () => {}],
    ["that comes a byte at a time", "TimedOut", (_, response) => {
      const timer = setInterval(() => response.write(" "), 20)
      response.on("close", () => clearInterval(timer))
    }],
    ["that is cut off", "Unavailable", (_, response) => {
      response.writeHead(200, { "Content-Length": "100" })
      response.write("{\"tok", () => response.destroy())
    }],
    ["of HTTP 500", "Unavailable 500", (_, response) => no(response, 500, "UNKNOWN", "it broke")],
    ["that leads round in a circle", "Protocol", (_, response) => {
      response.writeHead(302, { Location: "/again" }).end()
    }],
    ["that nobody takes", "Unauthenticated 401", (_, response) => json(response, 200, { token: "t0ken" })]
  ]
  for (const [what, gets, handler] of cases) {
    hostile(
      what,
      gets,
      Effect.gen(function*() {
        const tokens = yield* serve(handler)
        return yield* Use.against(
          (_, response) =>
            no(response, 401, "UNAUTHORIZED", "who?", { "WWW-Authenticate": `Bearer realm="http://${tokens.host}/"` }),
          Use.manifest,
          { config: gets === "TimedOut" ? Use.hurried : Use.config }
        )
      })
    )
  }
})
