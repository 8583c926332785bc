/**
 * Which engines tests are run against: those that `EFFECT_CONTAINERS_ENGINES` names, with spaces or commas in between, or
 * else some of them all, so that a run takes minutes.
 */
const named = process.env["EFFECT_CONTAINERS_ENGINES"]?.split(/[\s,]+/).filter((name) => name !== "")

/** For what one of each kind is enough. */
export const some: ReadonlyArray<string> = named ?? ["docker", "containerd", "memory"]

/** For the conformance suite: the oldest and the newest. */
export const conforming: ReadonlyArray<string> = named ??
  ["docker20", "docker28", "podman54", "containerd16", "containerd21", "memory"]
