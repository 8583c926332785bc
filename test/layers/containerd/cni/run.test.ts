/* oxlint-disable vitest/no-standalone-expect -- it takes those of it.effect and it.live for no tests */
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Run from "../../../../src/layers/containerd/cni/run.ts"
import * as Fake from "./plugins.ts"

let fake: Fake.Fake
beforeEach(() => {
  fake = Fake.make()
})
afterEach(() => fake.remove())

const answer = `{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.2.3/24"}]}`

const link = (types: readonly [string, ...Array<string>]): Run.Link => {
  const [first, ...rest] = types.map((type) => ({ type, capabilities: { portMappings: type === "ports" }, own: type }))
  return {
    plugins: { folders: [fake.folder], path: process.env["PATH"] ?? "" },
    network: { cniVersion: "0.4.0", name: "net", plugins: [first ?? { type: types[0] }, ...rest] },
    interface: "eth0",
    containerId: "ns-c1",
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "127.0.0.1" }]
  }
}

const add = (link: Run.Link) =>
  Effect.suspend(() => {
    const answers: Array<Run.Answer> = []
    return Effect.as(
      Run.add(link, { operation: "start", namespace: "/proc/1/ns/net" }, (answer) => answers.push(answer)),
      answers
    )
  })

describe("chains of plugins", () => {
  it.live("each gets the answer before it, and ports if it takes them", () =>
    Effect.gen(function*() {
      fake.plugin("first", `echo '${answer}'`)
      fake.plugin("ports", "printf '%s' \"$input\" | sed 's/.*\"prevResult\"://;s/}$//'")
      const answers = yield* add(link(["first", "ports"]))
      expect(answers.map(Run.addresses)).toEqual([["10.1.2.3"], ["10.1.2.3"]])
      const [first, ports] = fake.calls()
      expect(first).toEqual({
        type: "first",
        command: "ADD",
        namespace: "/proc/1/ns/net",
        input: { type: "first", own: "first", cniVersion: "0.4.0", name: "net" }
      })
      expect(ports?.input).toEqual({
        type: "ports",
        own: "ports",
        cniVersion: "0.4.0",
        name: "net",
        runtimeConfig: {
          portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp", hostIP: "127.0.0.1" }]
        },
        prevResult: JSON.parse(answer)
      })
    }))

  it.live("they are undone in reverse, all of them, and the first failure counts", () =>
    Effect.gen(function*() {
      fake.plugin("a", "true")
      fake.plugin("b", "echo '{\"code\":11,\"msg\":\"try later\"}'; exit 1")
      fake.plugin("c", "true")
      const error = yield* Effect.flip(
        Run.del(link(["a", "b", "c"]), JSON.parse(answer), { operation: "remove", namespace: "" })
      )
      expect(error).toMatchObject({ _tag: "Unavailable", code: 11, message: "the CNI plugin b (DEL): try later" })
      expect(fake.calls().map(({ command, namespace, type }) => [type, command, namespace]))
        .toEqual([["c", "DEL", ""], ["b", "DEL", ""], ["a", "DEL", ""]])
    }))

  it.live.each<[string, string, string, string, string]>([
    [
      "addresses",
      `{"code":999,"msg":"no IP addresses available in range set: 10.0.0.1-10.0.0.2"}`,
      "",
      "ResourceExhausted",
      "no IP addresses"
    ],
    [
      "a plugin's plugin",
      `{"code":999,"msg":"failed to find plugin \\"host-local\\" in path [/x]"}`,
      "",
      "Unsupported",
      "host-local"
    ],
    ["a configuration", `{"code":7,"msg":"bad"}`, "", "InvalidArgument", "bad"],
    ["no JSON", "oh", "", "Internal", "oh"],
    ["stderr alone", "", "operation not permitted", "PermissionDenied", "operation not permitted"]
  ])("a failure for want of %s", ([, stdout, stderr, tag, says]) =>
    Effect.gen(function*() {
      fake.plugin("a", `echo '${stdout}'; echo '${stderr}' >&2; exit 1`)
      const error = yield* Effect.flip(add(link(["a"])))
      expect(error._tag).toBe(tag)
      expect(error.message).toContain(says)
    }))

  it.live("one that is missing, and an answer that is none", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(add(link(["nowhere"])))
      expect(missing).toMatchObject({ _tag: "Unsupported" })
      expect(missing.message).toContain(`nowhere is not in ${fake.folder}`)
      fake.plugin("a", "echo yes")
      expect((yield* Effect.flip(add(link(["a"]))))._tag).toBe("Protocol")
    }))

  it.live("an interrupted one is killed with what it has called", () =>
    Effect.gen(function*() {
      const late = join(fake.folder, "late")
      fake.plugin("a", `sh -c 'sleep 1; touch ${late}'; true`)
      const fiber = yield* Effect.forkChild(add(link(["a"])))
      while (fake.calls().length === 0) yield* Effect.sleep("20 millis")
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep("1500 millis")
      expect(existsSync(late)).toBe(false)
    }))
})
