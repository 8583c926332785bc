import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as BuildContext from "../BuildContext.ts"
import * as Image from "../Image.ts"
import { unique } from "./case.ts"
import { Fixture, type ImageSettings } from "./fixture.ts"

/** JSON is what a Dockerfile's quoted words and lists are, but for the dollar, which it replaces. */
const quoted = (value: string): string => JSON.stringify(value).replaceAll("$", "\\$")

const dockerfile = (image: string, settings: ImageSettings): string =>
  [
    `FROM ${image}`,
    ...Object.entries(settings.env ?? {}).map(([name, value]) => `ENV ${name}=${quoted(value)}`),
    ...Object.entries(settings.labels ?? {}).map(([name, value]) => `LABEL ${quoted(name)}=${quoted(value)}`),
    ...settings.workDir === undefined ? [] : [`WORKDIR ${settings.workDir}`],
    ...settings.user === undefined ? [] : [`USER ${settings.user}`],
    ...settings.entrypoint === undefined ? [] : [`ENTRYPOINT ${JSON.stringify(settings.entrypoint)}`],
    ...settings.volumes === undefined ? [] : [`VOLUME ${JSON.stringify(settings.volumes)}`],
    ...settings.command === undefined ? [] : [`CMD ${JSON.stringify(settings.command)}`]
  ].join("\n") + "\n"

/** Removes an image when the scope closes, whatever uses it. It may be gone already. */
export const removedLater = (name: string) =>
  Effect.addFinalizer(() => Effect.ignore(Image.remove(name, { force: true })))

/** Makes the fixture's image with other settings under this name, until the scope closes. */
export const makeImage = Effect.fnUntraced(function*(name: string, settings: ImageSettings) {
  const fixture = yield* Fixture
  yield* removedLater(name)
  yield* fixture.makeImage === undefined
    ? Stream.runDrain(Image.build(name, BuildContext.fromDockerfile(dockerfile(fixture.image, settings))))
    : fixture.makeImage(name, settings)
})

/** {@link makeImage} under a name that nobody else has, which it gives. An image of its own: no other case has it too. */
export const madeImage = Effect.fnUntraced(function*(settings: ImageSettings) {
  const name = yield* Effect.map(unique("image"), (repository) => `${repository}:1`)
  yield* makeImage(name, { ...settings, labels: { "conformance.image": name, ...settings.labels } })
  return name
})
