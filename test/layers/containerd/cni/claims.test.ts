import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Claims from "../../../../src/layers/containerd/cni/claims.ts"

let root = ""
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "efc-claims-"))
})
afterEach(() => rmSync(root, { recursive: true }))

const folder = () => join(root, "claims")

/** The path of a holder's file, which is there. */
const holder = (name: string): string => {
  const path = join(root, name)
  writeFileSync(path, "it is there")
  return path
}

const holders = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, n) => holder(`holder-${n}`))

/** Who of many that take it at once, each by claims of its own, has it. */
const race = async (name: string, takers: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const taken = await Promise.all(takers.map((taker) => Claims.make(folder()).take(name, taker)))
  return takers.filter((_, n) => taken[n])
}

/** The system's word for what is wrong. */
const issue = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(() => "nothing", (error: NodeJS.ErrnoException) => error.code)

const rounds = Array.from({ length: 60 }, (_, n) => `tcp-${n}-0.0.0.0`)

describe("claims", () => {
  it("one of many that take it at once has it, and all others know", async () => {
    const takers = holders(24)
    for (const name of rounds) {
      const having = await race(name, takers)
      assert.deepStrictEqual(having.length, 1, `${name}: ${having.length}`)
      assert.deepStrictEqual(await Claims.make(folder()).held((other) => other === name), [name])
      for (const taker of takers) await Claims.make(folder()).release(name, taker)
    }
    assert.deepStrictEqual(readdirSync(folder()), [])
  })

  it("one of many has what is left of a holder that is gone", async () => {
    const takers = holders(24)
    for (const name of rounds) {
      const dead = holder("dead")
      assert.deepStrictEqual(await Claims.make(folder()).take(name, dead), true)
      rmSync(dead)
      assert.deepStrictEqual(await Claims.make(folder()).held(() => true), [])
      const having = await race(name, takers)
      assert.deepStrictEqual(having.length, 1, `${name}: ${having.length}`)
      assert.deepStrictEqual(await Claims.make(folder()).held(() => true), [name])
      // It stays whose it is.
      assert.deepStrictEqual(await race(name, [holder("late")]), [])
      for (const taker of takers) await Claims.make(folder()).release(name, taker)
    }
    assert.deepStrictEqual(readdirSync(folder()), [])
  })

  it("comes and goes among many without ever being two's", async () => {
    const takers = holders(16)
    const claims = Claims.make(folder())
    let having = 0
    let most = 0
    await Promise.all(takers.map(async (taker) => {
      for (let tries = 0; tries < 100; tries++) {
        if (!(await claims.take("subnet-10.0.0.0_24", taker))) continue
        most = Math.max(most, ++having)
        await new Promise((resolve) => setImmediate(resolve))
        having--
        await claims.release("subnet-10.0.0.0_24", taker)
      }
    }))
    assert.deepStrictEqual([most, readdirSync(folder())], [1, []])
  })

  it("one that took over and died in the middle leaves nothing that is in the way", async () => {
    const [dead = "", later = "", next = ""] = holders(3)
    const claims = Claims.make(folder())
    mkdirSync(folder())
    for (const name of ["tcp-1-0.0.0.0", "tcp-1-0.0.0.0~", ".half"]) writeFileSync(join(folder(), name), dead)
    // As long as it is there, it may still go on.
    rmSync(dead)
    writeFileSync(join(folder(), "tcp-1-0.0.0.0~"), later)
    assert.deepStrictEqual(await claims.take("tcp-1-0.0.0.0", next), false)
    assert.deepStrictEqual(await claims.held(() => true), ["tcp-1-0.0.0.0"])
    rmSync(later)
    assert.deepStrictEqual(await claims.take("tcp-1-0.0.0.0", next), true)
    assert.deepStrictEqual(await claims.held((name) => name === "tcp-1-0.0.0.0"), ["tcp-1-0.0.0.0"])
    await claims.release("tcp-1-0.0.0.0", next)
    assert.deepStrictEqual(readdirSync(folder()), [])
  })

  it("what cannot be looked at is nobody's to take", async () => {
    const claims = Claims.make(folder())
    const mine = holder("mine")
    mkdirSync(join(folder(), "tcp-1-0.0.0.0"), { recursive: true })
    assert.strictEqual(await issue(claims.take("tcp-1-0.0.0.0", mine)), "EISDIR")
    assert.strictEqual(await issue(claims.held(() => true)), "EISDIR")
    assert.strictEqual(await issue(claims.release("tcp-1-0.0.0.0", mine)), "EISDIR")
    // Whether a holder is there cannot be said: a link that leads to itself.
    const loop = `${join(root, "x".repeat(300))}`
    writeFileSync(join(folder(), "tcp-2-0.0.0.0"), loop)
    assert.strictEqual(await issue(claims.take("tcp-2-0.0.0.0", mine)), "ENAMETOOLONG")
    assert.deepStrictEqual(existsSync(join(folder(), "tcp-2-0.0.0.0")), true)
    assert.strictEqual(await issue(Claims.make("/dev/null/no").take("x", mine)), "ENOTDIR")
    assert.deepStrictEqual(await Claims.make(join(root, "none")).held(() => true), [])
  })
})
