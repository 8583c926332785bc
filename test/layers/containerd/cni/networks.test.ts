/* oxlint-disable vitest/no-standalone-expect -- it takes those of it.effect and it.live for no tests */
import { afterEach, beforeEach, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Files from "../../../../src/layers/containerd/cni/files.ts"
import * as Networks from "../../../../src/layers/containerd/cni/networks.ts"
import * as Plugins from "../../../../src/layers/containerd/cni/plugins.ts"
import * as Fake from "./plugins.ts"

let fake: Fake.Fake
beforeEach(() => {
  fake = Fake.make()
  mkdirSync(join(fake.folder, "net.d"))
})
afterEach(() => fake.remove())

const settings = (): Networks.Settings => ({
  plugins: { folders: [fake.folder], path: "" },
  folder: join(fake.folder, "net.d"),
  bridge: "efc0",
  subnet: "10.87.0.0/16",
  pool: "10.160.0.0/12",
  made: join(fake.folder, "made")
})

const describeNetwork = (file: string, content: unknown) =>
  writeFileSync(join(fake.folder, "net.d", file), typeof content === "string" ? content : JSON.stringify(content))

const install = (...types: ReadonlyArray<string>) => types.forEach((type) => fake.plugin(type, "true"))

describe("networks", () => {
  it.effect("the default one has the plugins that are there", () =>
    Effect.gen(function*() {
      install("bridge", "host-local")
      const plain = yield* Networks.find(settings(), "bridge", "start")
      expect(plain.plugins.map(({ type }) => type)).toEqual(["bridge"])
      install("portmap", "firewall")
      const full = yield* Networks.find(settings(), "effect-containers", "start")
      expect(full.plugins.map(({ type }) => type)).toEqual(["bridge", "portmap", "firewall"])
      expect(full.plugins[0]).toMatchObject({ bridge: "efc0", ipam: { ranges: [[{ subnet: "10.87.0.0/16" }]] } })
    }))

  it.effect("others are found by the name in their description, lists and single plugins", () =>
    Effect.gen(function*() {
      install("ptp", "host-local")
      describeNetwork("10-broken.conflist", "{")
      describeNetwork("20-a.conflist", { cniVersion: "1.0.0", name: "a", plugins: [{ type: "ptp" }] })
      describeNetwork("30-b.conf", { name: "b", type: "ptp", ipam: { type: "host-local" } })
      describeNetwork("40-a.conflist", { name: "a", plugins: [{ type: "other" }] })
      expect(yield* Networks.find(settings(), "a", "start")).toMatchObject({
        cniVersion: "1.0.0",
        plugins: [{ type: "ptp" }]
      })
      expect((yield* Networks.find(settings(), "b", "start")).plugins).toHaveLength(1)
    }))

  it.effect("one that is not there is NotFound, with those that are", () =>
    Effect.gen(function*() {
      describeNetwork("20-a.conflist", { name: "a", plugins: [{ type: "ptp" }] })
      const error = yield* Effect.flip(Networks.find(settings(), "c", "start"))
      expect(error).toMatchObject({ _tag: "NotFound", hint: "there are: bridge, a" })
      expect(error.message).toContain("no network c")
      const nowhere = yield* Effect.flip(
        Networks.find({ ...settings(), folder: join(fake.folder, "none") }, "c", "start")
      )
      expect(nowhere._tag).toBe("NotFound")
    }))

  it.effect("one whose plugins are missing is Unsupported, and says which and where", () =>
    Effect.gen(function*() {
      describeNetwork("30-b.conf", { name: "b", type: "ptp", ipam: { type: "dhcp" } })
      const error = yield* Effect.flip(Networks.find(settings(), "b", "start"))
      expect(error._tag).toBe("Unsupported")
      expect(error.message).toContain(`ptp, dhcp, which is not in ${fake.folder}`)
    }))

  it("folders of plugins: given, else CNI_PATH, else where distributions have them", () => {
    const none = { CNI_PATH: undefined, PATH: "/usr/bin" }
    expect(Plugins.make(["/a", "/b"], { ...none, CNI_PATH: "/c" }).folders).toEqual(["/a", "/b"])
    expect(Plugins.make("/a", none).folders).toEqual(["/a"])
    expect(Plugins.make(undefined, { ...none, CNI_PATH: "/c:d:/e" }).folders).toEqual(["/c", "/e"])
    expect(Plugins.make(undefined, none).folders).toContain("/opt/cni/bin")
    expect(Plugins.find({ folders: ["/usr/bin"], path: "" }, "../bin/env")).toBe(undefined)
  })

  it("name servers that only the machine reaches are left out, unless there is no other", () => {
    expect(Files.withoutLoopback("search x\nnameserver 127.0.0.53\nnameserver 10.0.0.1\n"))
      .toBe("search x\nnameserver 10.0.0.1\n")
    expect(Files.withoutLoopback("nameserver 127.0.0.53\nnameserver ::1\n")).toBe(undefined)
    expect(Files.hosts({ hostname: "me" }, ["10.0.0.2"])).toContain("10.0.0.2\tme\n")
  })
})
