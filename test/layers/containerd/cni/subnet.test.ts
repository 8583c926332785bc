import { assert, describe, it } from "@effect/vitest"
import * as Subnet from "../../../../src/layers/containerd/cni/subnet.ts"

const parsed = (text: string): Subnet.Subnet => {
  const subnet = Subnet.parse(text)
  assert(subnet !== undefined, text)
  return subnet
}

describe("subnets", () => {
  it("are read and shown as they are written, from their first address on", () => {
    for (const text of ["10.160.0.0/12", "0.0.0.0/0", "255.255.255.255/32", "192.168.7.0/24"]) {
      assert.deepStrictEqual(Subnet.show(parsed(text)), text)
    }
    assert.deepStrictEqual(Subnet.show(parsed("10.5.6.7/16")), "10.5.0.0/16")
    for (const text of ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.256/8", "fd00::/64", "10.0.0/8", "10.0.0.0/8 "]) {
      assert.deepStrictEqual(Subnet.parse(text), undefined, text)
    }
  })

  it("overlap if one is in the other", () => {
    const overlap = (one: string, other: string) => [
      Subnet.overlap(parsed(one), parsed(other)),
      Subnet.overlap(parsed(other), parsed(one))
    ]
    assert.deepStrictEqual(overlap("10.0.0.0/8", "10.9.8.0/24"), [true, true])
    assert.deepStrictEqual(overlap("10.9.8.0/24", "10.9.8.0/24"), [true, true])
    assert.deepStrictEqual(overlap("10.9.8.0/24", "10.9.9.0/24"), [false, false])
    assert.deepStrictEqual(overlap("0.0.0.0/0", "255.255.255.255/32"), [true, true])
  })

  it("a pool is split into those of 256 addresses, each once and none outside", () => {
    const pool = parsed("10.160.0.0/20")
    const parts = Array.from(Subnet.split(pool)).map(Subnet.show)
    assert.deepStrictEqual(parts.length, 16)
    assert.deepStrictEqual(new Set(parts), new Set(Array.from({ length: 16 }, (_, n) => `10.160.${n}.0/24`)))
    assert.deepStrictEqual(Array.from(Subnet.split(parsed("10.1.2.128/25"))).map(Subnet.show), ["10.1.2.128/25"])
  })

  it("those that a machine has ways to, but for the one to everywhere", () => {
    const text = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
efc-0\t107100CB\t00000000\t0001\t0\t0\t0\tF0FFFFFF\t0\t0\t0
damaged
`
    assert.deepStrictEqual(Subnet.routed(text).map(Subnet.show), ["192.0.2.0/24", "203.0.113.16/28"])
  })
})
