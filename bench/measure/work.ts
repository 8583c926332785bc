/** The program of a worker: it loads a contender, and does what it is told. See worker.ts. */
import { own, peak } from "./usage.ts"

interface Told {
  readonly call: string
  readonly with: ReadonlyArray<unknown>
}

const [, , module = "", ...given] = process.argv

type Contender = Readonly<Record<string, (...args: ReadonlyArray<unknown>) => unknown>> & {
  /** Where what counts is not in this process: its processor time, in milliseconds. */
  readonly usage?: () => number
}

const { make } = await import(module) as { readonly make: (...given: ReadonlyArray<string>) => Promise<Contender> }
const contender = await make(...given)

process.on("message", async (told: Told) => {
  const cpu = contender.usage?.() ?? own()
  const begun = performance.now()
  try {
    const value = told.call === "" ? undefined : await contender[told.call]?.(...told.with)
    process.send?.({ value, time: performance.now() - begun, cpu, peak: peak() })
  } catch (error) {
    process.send?.({ failed: error instanceof Error ? error.stack : String(error) })
  }
})
// Whoever tells it what to do is gone.
process.on("disconnect", () => process.exit())
process.send?.("ready")
