import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BuildOptions } from "../../../Backend.ts"
import type * as Errors from "../../../Errors.ts"
import type { BuildStatus } from "../../../Progress.ts"
import type { Found } from "../images/store.ts"
import type { Dockerfile } from "./dockerfile.ts"

/** An image of containerd's that a Dockerfile builds on. */
export interface Base {
  /** As the Dockerfile has it, after its variables. */
  readonly name: string
  readonly image: Found
}

/** What there is to build. All of it is in a folder of its own, which goes when the build has ended. */
export interface Job {
  /** Of this build alone; who finds what it left behind sees whose it was. */
  readonly id: string
  /** Of the build: for whatever it has to put somewhere. */
  readonly folder: string
  /** The files of the context. */
  readonly context: string
  readonly parsed: Dockerfile
  readonly bases: ReadonlyArray<Base>
  readonly options: BuildOptions
  /** What the image is to be called, as containerd has it. */
  readonly name: string
  readonly emit: (statuses: ReadonlyArray<BuildStatus>) => Effect.Effect<void>
}

/** An image that was built: files in the job's folder. */
export interface Files {
  /** Docker's manifest of it, whose layers are not compressed. */
  readonly manifest: string
  /** Where the blob of a digest is. */
  readonly blob: (digest: string) => string
}

/** An image that was built, and is containerd's already under the name it was to have. */
export interface Imported {
  readonly digest: string
}

export type Built = Files | Imported

/** What builds images where containerd itself does not. */
export interface Builder {
  readonly name: string
  /** The files of what was built are there as long as the scope is open. */
  readonly build: (job: Job) => Effect.Effect<Built, Errors.Reason, Scope.Scope>
}
