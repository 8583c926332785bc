import { describe } from "@effect/vitest"
import { type Backend, Container } from "effect-containers"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import { json } from "../../layers/docker/fake.ts"
import { hostile, outcome } from "../case.ts"
import { against, type Script, upgrade } from "./server.ts"
import { frame } from "./wire.ts"

/**
 * Accepts a command and hands over its output, but says for a few looks that it does not run: a busy engine has not come
 * to it. It ends by itself at the look after it began, unless it stays, or when it is signalled.
 */
const late = (looks: number, stays: boolean): Script => {
  let asked = 0
  let output: Net.Socket | undefined
  let exitCode: number | null = null
  let isBegun = false
  const end = (code: number): void => {
    exitCode = code
    output?.end(frame("stdout", "hello"))
  }
  return {
    execCreate: ({ engine, response }) =>
      json(response, 201, { Id: engine.asked.get("execCreate") === 1 ? "first" : "signaller" }),
    execStart: ({ path, response, socket }) => {
      if (path.includes("first")) {
        output = socket
        return upgrade(socket)
      }
      if (isBegun) end(137)
      json(response, 200, {})
    },
    execLook: ({ path, response }) => {
      if (path.includes("signaller")) return json(response, 200, { Running: false, ExitCode: 0, Pid: 8 })
      asked++
      if (isBegun && !stays && exitCode === null) end(3)
      isBegun ||= asked > looks
      json(response, 200, {
        Running: isBegun && exitCode === null,
        ExitCode: exitCode,
        Pid: isBegun ? 7 : 0
      })
    }
  }
}

const container = { id: "a", image: "alpine" }

const executing = (
  use: (handle: Container.ExecHandle) => Effect.Effect<string, unknown, Backend.Backend | Scope.Scope>
) => outcome(Effect.scoped(Effect.flatMap(Container.exec(container, ["x"]), use)))

/** Its connection ends, it does not. */
const cutOff: Script = {
  execCreate: ({ response }) => json(response, 201, { Id: "cut" }),
  execStart: ({ response, socket }) => {
    if (response !== undefined) return json(response, 200, {})
    upgrade(socket, frame("stdout", "hello"))
    socket.end()
  },
  execLook: ({ engine, response }) => {
    // Until it was signalled.
    const isRunning = (engine.asked.get("execStart") ?? 0) < 2
    json(response, 200, { Running: isRunning, ExitCode: isRunning ? null : 0, Pid: 7 })
  }
}

hostile(
  "docker, a command in a container whose connection ends before it: what came, and that there is more",
  "hello, then ContainerExec: Unavailable",
  against(cutOff, () =>
    executing(({ stdout }) => {
      let text = ""
      const read = Stream.runForEach(Stream.decodeText(stdout), (piece) => Effect.sync(() => text += piece))
      return Effect.map(outcome(read, () => "the end"), (end) => `${text}, then ${end}`)
    }))
)

describe("docker, a command in a container that begins after it was accepted", () => {
  for (const looks of [1, 3]) {
    hostile(
      `its exit code, after ${looks} looks`,
      "code 3",
      against(late(looks, false), () => executing(({ exitCode }) => Effect.map(exitCode, (code) => `code ${code}`)))
    )
    hostile(
      `its number, after ${looks} looks`,
      "pid 7",
      against(late(looks, false), () => executing(({ pid }) => Effect.map(pid, (pid) => `pid ${pid}`)))
    )
    hostile(
      `its scope is closed, after ${looks} looks`,
      "left, signaller started",
      against(late(looks, true), () => executing(() => Effect.succeed("left")), {
        after: ({ asked }) => asked.get("execStart") === 2 ? "signaller started" : "not signalled"
      })
    )
  }
})
