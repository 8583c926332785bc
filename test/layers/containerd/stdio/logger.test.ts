/**
 * The program that keeps what a container writes, started as a shim does it.
 */
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { decode, type Entry, entryLength, type Lost, paths } from "effect-containers/layers/containerd/stdio/order"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable, Writable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const script = fileURLToPath(new URL("../../../../src/layers/containerd/stdio/logger.ts", import.meta.url))

interface Logger {
  readonly child: ChildProcess
  readonly stdout: Writable
  readonly stderr: Writable
  readonly exited: Promise<unknown>
}

let folder = ""
const children: Array<ChildProcess> = []

/** As of a container that starts. */
const makeFiles = (at: string) => {
  mkdirSync(join(at, "log"), { recursive: true })
  const log = paths(at)
  for (const path of [log.stdout, log.stderr, log.order]) writeFileSync(path, "")
}

/** Starts it, and waits until it is ready. */
const begin = async (at = folder): Promise<Logger> => {
  const child = spawn(process.execPath, [script, at], {
    env: {},
    stdio: ["ignore", "ignore", "inherit", "pipe", "pipe", "pipe"]
  })
  children.push(child)
  const exited = once(child, "exit")
  const [, , , stdout, stderr, ready] = child.stdio as unknown as [null, null, null, Writable, Writable, Readable]
  ready.resume()
  await once(ready, "end")
  return { child, stdout, stderr, exited }
}

const entries = (at = folder): ReadonlyArray<Entry | Lost | "begun" | "end" | undefined> => {
  const bytes = readFileSync(paths(at).order)
  return Array.from(
    { length: Math.floor(bytes.length / entryLength) },
    (_, index) => decode(bytes, index * entryLength)
  )
}

const isEntry = (entry: ReturnType<typeof decode>): entry is Entry => typeof entry === "object" && "size" in entry

const until = async (holds: () => boolean) => {
  for (let tries = 0; tries < 400 && !holds(); tries++) await sleep(25)
  assert.strictEqual(holds(), true)
}

const kept = (source: "stdout" | "stderr", at = folder) => readFileSync(paths(at)[source], "utf8")

const resident = (child: ChildProcess) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) * 1024

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "efc-logger-"))
  makeFiles(folder)
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill("SIGKILL")
    await once(child, "exit")
  }
  rmSync(folder, { recursive: true, force: true })
})

describe("logger", () => {
  it("keeps both in the order and with the times in which they came, and says when it was all", async () => {
    const { exited, stderr, stdout } = await begin()
    assert.deepStrictEqual(entries(), ["begun"])
    stdout.write("a\n")
    await until(() => entries().length === 2)
    await sleep(300)
    stderr.write("b\n")
    await until(() => entries().length === 3)
    await sleep(300)
    stdout.end("c\n")
    await until(() => entries().length === 4)
    stderr.end()
    assert.deepStrictEqual(await exited, [0, null])
    const all = entries()
    const grown = all.filter(isEntry)
    assert.deepStrictEqual(grown.map(({ size, source }) => [source, size]), [["stdout", 2], ["stderr", 2], [
      "stdout",
      4
    ]])
    assert.deepStrictEqual([all[0], all.at(-1), all.length], ["begun", "end", 5])
    assert.deepStrictEqual([kept("stdout"), kept("stderr")], ["a\nc\n", "b\n"])
    const [a = 0, b = 0, c = 0] = grown.map(({ time }) => time)
    assert.deepStrictEqual({ a, b, c, apart: [b - a >= 290, c - b >= 290, Math.abs(Date.now() - c) < 30_000] }, {
      a,
      b,
      c,
      apart: [true, true, true]
    })
  })

  it("ends with what was written, not when it is asked to", async () => {
    const { child, exited, stderr, stdout } = await begin()
    child.kill("SIGTERM")
    await sleep(100)
    stdout.end("late\n")
    stderr.end()
    assert.deepStrictEqual(await exited, [0, null])
    assert.deepStrictEqual([kept("stdout"), entries().at(-1)], ["late\n", "end"])
  })

  it("ends when it is asked to and nothing comes any more, though somebody holds the pipe", async () => {
    const { child, exited, stdout } = await begin()
    stdout.write("last\n")
    await until(() => kept("stdout") === "last\n")
    child.kill("SIGTERM")
    await exited
    assert.deepStrictEqual([kept("stdout"), entries().at(-1)], ["last\n", "end"])
  })

  it("makes whoever writes faster than the disk wait, and takes no more memory for more", async () => {
    const { child, exited, stderr, stdout } = await begin()
    // Stopped, it reads nothing: the writer has to wait with what a pipe does not hold.
    child.kill("SIGSTOP")
    const block = Buffer.alloc(1024 * 1024, "x")
    let sent = 0
    const write = (bytes: Buffer) =>
      new Promise<void>((done, fail) =>
        stdout.write(bytes, (error) => {
          sent += bytes.length
          if (error) fail(error)
          else done()
        })
      )
    const first = write(block)
    await sleep(300)
    assert.strictEqual(sent, 0)
    child.kill("SIGCONT")
    await first
    for (let count = 1; count < 16; count++) await write(block)
    const before = resident(child)
    for (let count = 16; count < 256; count++) await write(block)
    const more = resident(child) - before
    assert.isTrue(more < 24 * 1024 * 1024, `${more} bytes more for 240 MiB`)
    stdout.end()
    stderr.end()
    assert.deepStrictEqual(await exited, [0, null])
    assert.strictEqual(readFileSync(paths(folder).stdout).length, 256 * block.length)
    assert.strictEqual(entries().findLast(isEntry)?.size, 256 * block.length)
  }, 120_000)

  it("goes on reading when its folder is gone", async () => {
    const { exited, stderr, stdout } = await begin()
    rmSync(folder, { recursive: true })
    for (let count = 0; count < 32; count++) stdout.write(Buffer.alloc(65_536))
    await new Promise<void>((done) => stdout.end(() => done()))
    stderr.end()
    assert.deepStrictEqual(await exited, [0, null])
  })

  it("goes on reading when the disk is full, and says what is lost", async () => {
    const disk = mkdtempSync(join(tmpdir(), "efc-disk-"))
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk])
    try {
      const at = join(disk, "it")
      makeFiles(at)
      const { exited, stderr, stdout } = await begin(at)
      stdout.write("before\n")
      await until(() => kept("stdout", at) === "before\n")
      // What else is on the disk takes all of it, the page that the log has begun included.
      writeFileSync(join(disk, "ballast"), Buffer.alloc(1000 * 1024))
      await new Promise<void>((done) => stdout.write(Buffer.alloc(4 * 1024 * 1024, "x"), () => done()))
      // The pipe still holds some of it.
      await sleep(500)
      const full = kept("stdout", at).length
      rmSync(join(disk, "ballast"))
      stdout.end("after\n")
      stderr.end()
      assert.deepStrictEqual(await exited, [0, null])
      const text = kept("stdout", at)
      assert.deepStrictEqual([text.slice(0, 7), text.slice(full)], ["before\n", "after\n"])
      const lost = entries(at).flatMap((entry) => typeof entry === "object" && "lost" in entry ? [entry] : [])
      assert.deepStrictEqual(lost, [{ source: "stdout", lost: 7 + 4 * 1024 * 1024 - full }])
      const [last, end] = entries(at).slice(-2)
      assert.deepStrictEqual([last !== undefined && isEntry(last) && last.size, end], [text.length, "end"])
    } finally {
      for (const child of children) child.kill("SIGKILL")
      execFileSync("umount", ["-l", disk])
      rmSync(disk, { recursive: true })
    }
  })

  it("does not begin where there is nothing to write to", async () => {
    const { exited } = await begin(join(folder, "nowhere"))
    const [code] = await exited as [number]
    assert.isTrue(code !== 0)
  })
})
