/** Runs `id` as a user by name in an image: `user.ts CONFIG IMAGE`. */
import { Effect } from "effect"
import { Container } from "effect-containers"
import * as Containerd from "effect-containers/layers/Containerd"

const [config = "", image = ""] = process.argv.slice(2)

const self = Container.make(image).pipe(
  Container.pull("never"),
  Container.user("app"),
  Container.command(["id"])
)

process.stdout.write(
  await Effect.runPromise(Effect.provide(Container.string(self), Containerd.layer(JSON.parse(config))))
)
