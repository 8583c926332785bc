/**
 * The conformance suite: what is the same on every engine, as a list of cases that any `Backend` can be held to. The
 * engines of this library pass it, and whoever writes an engine of his own can hold it to the same.
 *
 * A case asserts values and whole errors. Where an engine says that it cannot do something (`Backend.capabilities`), the
 * case asserts that it refuses, naming itself, and leaves nothing behind: no case is ever skipped. The cases make
 * containers and images with names of their own and remove them; they touch nothing else in the engine, but leave a volume
 * called `efc-conformance`, since nothing here removes volumes.
 *
 * **Example** (How many cases there are of a group)
 *
 * ```ts import.meta.vitest
 * import * as Testing from "effect-containers/testing"
 *
 * Testing.cases.filter(({ group }) => group === "output").length > 10 // => true
 * ```
 *
 * @since 0.1.0
 */
export { type Case, ConformanceFailure } from "./testing/case.ts"
export { Mismatch } from "./testing/expect.ts"
export {
  Fixture,
  type ImageSettings,
  type Part,
  type Registries,
  type SilentRegistry,
  type Way
} from "./testing/fixture.ts"
export { Leaked, type LeakOptions, withoutLeaks } from "./testing/leaks.ts"
export {
  cases,
  NotConformant,
  type Report,
  type Result,
  type Suite,
  suite,
  type SuiteOptions
} from "./testing/suite.ts"
