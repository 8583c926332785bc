import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Backend } from "effect-containers"

const binding = (hostIp: string, hostPort: number, containerPort = 80) =>
  ({ hostIp, hostPort, containerPort, protocol: "tcp" }) as const

const both = [binding("0.0.0.0", 1000), binding("::", 2000)]

const reached = (host: string, ports: Parameters<typeof Backend.endpoint>[1], options?: Backend.PortOptions): string =>
  Result.match(Backend.endpoint(host, ports, 80, options), {
    onSuccess: ({ host, port }) => `${host} ${port}`,
    onFailure: ({ message }) => message
  })

describe("where a port is reached", () => {
  it("published under two numbers, each family has its own", () => {
    assert.strictEqual(reached("127.0.0.1", both), "127.0.0.1 1000")
    assert.strictEqual(reached("127.0.0.1", both, { family: "IPv4" }), "127.0.0.1 1000")
    assert.strictEqual(reached("127.0.0.1", both, { family: "IPv6" }), "::1 2000")
    assert.strictEqual(reached("localhost", both, { family: "IPv6" }), "::1 2000")
  })

  it("another machine is reached by its name in either, by its number in one", () => {
    assert.strictEqual(reached("engine.example", both, { family: "IPv6" }), "engine.example 2000")
    assert.strictEqual(reached("fd00::1", both, { family: "IPv6" }), "fd00::1 2000")
    assert.strictEqual(
      reached("192.0.2.1", both, { family: "IPv6" }),
      "port 80/tcp is published for IPv6, but the engine's machine is known by 192.0.2.1 alone"
    )
  })

  it("of a family that it is not published for", () => {
    assert.strictEqual(
      reached("127.0.0.1", [binding("0.0.0.0", 1000)], { family: "IPv6" }),
      "port 80/tcp is not published for IPv6; it is on 0.0.0.0"
    )
    assert.strictEqual(reached("127.0.0.1", [binding("::1", 1000)]), "::1 1000")
  })

  it("a binding without an address is of both", () => {
    assert.strictEqual(reached("127.0.0.1", [binding("", 1000)], { family: "IPv6" }), "::1 1000")
    assert.strictEqual(reached("127.0.0.1", [binding("", 1000)], { family: "IPv4" }), "127.0.0.1 1000")
  })

  it("not published at all", () => {
    assert.strictEqual(
      reached("127.0.0.1", [binding("", 1000, 81)], { family: "IPv6" }),
      "port 80/tcp is not published; published are 81/tcp"
    )
  })
})
