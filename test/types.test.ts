import { describe, expectTypeOf, it } from "@effect/vitest"
import { Effect, type Layer, type Scope, type Stream } from "effect"
import {
  type Backend,
  Container,
  type Errors,
  type ExitStatus,
  Image,
  type Logs,
  type Progress
} from "effect-containers"
import * as Auto from "effect-containers/layers/Auto"
import * as Docker from "effect-containers/layers/Docker"

// What a user's types depend on, the error channels above all. Checked by `npm run check`: a wrong type is an error of
// the compiler, so that changing one of these is a decision and never an accident.

type Engine = Backend.Backend
type RunErrors =
  | Errors.ContainerOptions
  | Errors.ImagePull
  | Errors.ContainerCreate
  | Errors.ContainerStart
  | Errors.ContainerLogs
  | Errors.ContainerWait

describe("public signatures", () => {
  const spec = Container.make("alpine")

  it("running", () => {
    expectTypeOf(Container.run(spec)).toEqualTypeOf<
      Effect.Effect<Container.Finished, RunErrors | Errors.ExitCode, Engine>
    >()
    expectTypeOf(Container.exitCode(spec)).toEqualTypeOf<Effect.Effect<number, RunErrors, Engine>>()
    expectTypeOf(Container.exitStatus(spec)).toEqualTypeOf<Effect.Effect<ExitStatus.ExitStatus, RunErrors, Engine>>()
    expectTypeOf(Container.string(spec)).toEqualTypeOf<Effect.Effect<string, RunErrors | Errors.ExitCode, Engine>>()
    expectTypeOf(Container.lines(spec)).toEqualTypeOf<
      Effect.Effect<Array<string>, RunErrors | Errors.ExitCode, Engine>
    >()
    expectTypeOf(Container.stream(spec)).toEqualTypeOf<
      Stream.Stream<Logs.Frame, RunErrors | Errors.ExitCode, Engine>
    >()
  })

  it("the errors and services of onOutput are the run's", () => {
    const onOutput = () => Effect.fail("mine" as const)
    expectTypeOf(Container.run(spec, { onOutput })).toEqualTypeOf<
      Effect.Effect<Container.Finished, RunErrors | Errors.ExitCode | "mine", Engine>
    >()
  })

  it("starting", () => {
    expectTypeOf(Container.start(spec)).toEqualTypeOf<
      Effect.Effect<
        Container.ContainerHandle,
        | Errors.ContainerOptions
        | Errors.ImagePull
        | Errors.ContainerCreate
        | Errors.ContainerStart
        | Errors.ContainerAttach,
        Engine | Scope.Scope
      >
    >()
    expectTypeOf<Container.ContainerHandle["exitCode"]>().toEqualTypeOf<Effect.Effect<number, Errors.ContainerWait>>()
  })

  it("managing", () => {
    expectTypeOf(Container.stop("id")).toEqualTypeOf<Effect.Effect<void, Errors.ContainerStop, Engine>>()
    expectTypeOf(Container.remove("id")).toEqualTypeOf<Effect.Effect<void, Errors.ContainerRemove, Engine>>()
    expectTypeOf(Container.kill("id")).toEqualTypeOf<
      Effect.Effect<void, Errors.ContainerSignal | Errors.ContainerWait, Engine>
    >()
    expectTypeOf(Container.logs("id")).toEqualTypeOf<Stream.Stream<Logs.Frame, Errors.ContainerLogs, Engine>>()
    expectTypeOf(Container.sweep()).toEqualTypeOf<
      Effect.Effect<Container.Swept, Errors.ContainerList | Errors.NetworkList | Errors.VolumeList, Engine>
    >()
  })

  it("images", () => {
    expectTypeOf(Image.pull("a")).toEqualTypeOf<
      Stream.Stream<Progress.PullStatus, Errors.ClientPull | Errors.ImageOptions, Engine>
    >()
    expectTypeOf(Image.resolve("a")).toEqualTypeOf<
      Effect.Effect<Image.Image, Errors.ImagePull | Errors.ImageBuild | Errors.ImageOptions, Engine>
    >()
    expectTypeOf(Image.exists("a")).toEqualTypeOf<
      Effect.Effect<boolean, Errors.ImageInspect | Errors.ImageOptions, Engine>
    >()
    expectTypeOf(Image.clean({ olderThan: "1 day" })).toEqualTypeOf<
      Effect.Effect<Image.Cleaned, Errors.ImageList | Errors.ContainerList, Engine>
    >()
    expectTypeOf(Image.cleanEvery("1 hour", { olderThan: "1 day" })).toEqualTypeOf<
      Effect.Effect<never, never, Engine>
    >()
  })

  it("an error is caught by its operation and its reason", () => {
    const caught = Container.run(spec).pipe(
      Effect.catchTag("ExitCode", (error) => Effect.succeed(error.logs.stderrText)),
      Effect.catchReason("ImagePull", "Unauthenticated", (reason) => Effect.succeed(reason.message))
    )
    expectTypeOf(caught).toEqualTypeOf<Effect.Effect<Container.Finished | string, RunErrors, Engine>>()
  })

  it("an engine needs nothing and may not be there", () => {
    expectTypeOf(Docker.layer()).toEqualTypeOf<Layer.Layer<Engine, Errors.BackendNotAvailable>>()
    expectTypeOf(Auto.layer()).toEqualTypeOf<Layer.Layer<Engine, Errors.BackendNotAvailable>>()
  })
})
