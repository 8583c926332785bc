import * as Result from "effect/Result"
import type { ContainerState } from "../../Backend.ts"
import type { Mount } from "../../ContainerConfig.ts"
import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"
import * as Filter from "../../Filter.ts"
import * as Reference from "../../Reference.ts"

/**
 * What Podman's API does in another way than the Docker that it stands in for. Everything of that kind is here, but that
 * logs are to be followed with care is in `follow.ts`, and that the output's last words may be Podman's in `notice.ts`.
 */

/** How a server names itself in the header `Server`: `Libpod/5.4.2 (linux)`. */
export const isServer = (server: string | undefined): boolean => server?.startsWith("Libpod/") === true

/** One of the parts that `/version` lists. */
export const component = "Podman Engine"

// ---------------------------------------------------------------------------------------------------------------------
// containers
// ---------------------------------------------------------------------------------------------------------------------

/**
 * Removing with force first stops the container in the polite way, for 10 seconds if need be, where Docker kills it. So
 * it is killed beforehand.
 */
export const killBeforeRemoval = true

const states: Readonly<Record<string, ContainerState>> = {
  configured: "created",
  initialized: "created",
  stopping: "running",
  stopped: "exited",
  unknown: "dead"
}

/** Podman has states that Docker does not have. */
export const state = (status: string): ContainerState | undefined => states[status]

/**
 * Attaching makes the container's process first, which cannot be done for a command that is none. That is for starting it to
 * say, as elsewhere.
 */
export const isAboutStarting = ({ message }: Errors.Reason): boolean => message.includes("for attach: ")

/**
 * As a mount, it would get what the image has at that place, and the rights of that. Said in this way it is empty and
 * anybody's, as Docker's is.
 */
export const tmpfs = (mounts: ReadonlyArray<Mount>): Readonly<Record<string, string>> =>
  Object.fromEntries(mounts.flatMap((mount) =>
    mount.type === "tmpfs"
      ? [[mount.target, `notmpcopyup,mode=1777${mount.size === undefined ? "" : `,size=${mount.size}`}`]]
      : []
  ))

/** Podman 4 takes the address that stands for all of the host's for one of them, at which nobody is. */
export const hostIp = (address: string): string => address === "0.0.0.0" ? "" : address

/** On a bridge of Podman 4 the containers of all others are reached, unless it is said that they are not to be. */
export const networkOptions = (
  { driver, options }: { readonly driver?: string | undefined; readonly options: Readonly<Record<string, string>> }
): Readonly<Record<string, string>> =>
  driver === undefined || driver === "bridge" ? { isolate: "true", ...options } : options

/** Whether a process could not be executed: all that Podman tells is in what it writes in the place of its output. */
export const refusesCommand = (output: string): boolean => /^Error: .*OCI (?:runtime|permission denied)/.test(output)

// ---------------------------------------------------------------------------------------------------------------------
// names
// ---------------------------------------------------------------------------------------------------------------------

/** Podman writes names of images in full, `docker.io/library/gcc:14`, where Docker leaves out what is understood. */
export const familiar = (name: string): string => {
  const parsed = Reference.parseResult(name)
  return Result.isSuccess(parsed) ? parsed.success.familiar : name
}

/** Podman writes ids of images with and without what they begin with elsewhere. */
export const imageId = (id: string): string => /^[0-9a-f]{64}$/.test(id) ? `sha256:${id}` : id

/**
 * What is asked about images fails when another of them is removed meanwhile, and says that this one is not known, or a
 * part of it: as something that broke, where an image that is missing is told by the status. How often it is asked again.
 */
export const questions = {
  while: ({ code, message }: Errors.Reason) => code === 500 && message.includes("not known"),
  times: 19
}

/**
 * With force an image's containers go first, and one of them that somebody else has just removed makes that fail, as does
 * one that a build has just made.
 */
export const losesContainer = ({ code, message }: Errors.Reason): boolean =>
  (code === 500 && /using image could not be removed: no (?:such )?container/i.test(message)) ||
  (code === 409 && /consider listing external containers/i.test(message))

/**
 * A build looks at every image that there is for a step that it need not execute, and works in containers that go with the
 * image that they are of. It fails when somebody else removes one of these meanwhile. The words come last: before them
 * there may be an instruction's.
 */
export const losesImage = ({ message }: Errors.Reason): boolean =>
  /(?:(?:image|layer|container) not known|identifier is not a container)$/.test(message)

/** The last that Podman says of a layer that it pulls; Docker says in a further line that it is extracted. */
export const lastOfLayer = "Download complete"

const isAboutContainer = ({ message }: Errors.Reason): boolean => /no such container/i.test(message)

/** Something that is not there, in an error that does not say what. */
export const naming = (name: string | undefined) => (error: Errors.Reason): Errors.Reason =>
  name === undefined || error._tag !== "NotFound" || error.message.includes(name) || isAboutContainer(error)
    ? error
    : reason(error._tag, { ...error, message: `${name}: ${error.message}` })

// ---------------------------------------------------------------------------------------------------------------------
// events
// ---------------------------------------------------------------------------------------------------------------------

const removal = { container: "destroy", network: "destroy", volume: "destroy", image: "delete" }

const isRemovable = (type: string): type is keyof typeof removal => type in removal

/** Docker's word for what happened to a thing of that type. */
export const action = (type: string, action: string): string =>
  action === "remove" && isRemovable(type) ? removal[type] : action === "exec_died" ? "exec_die" : action

const asked: Readonly<Record<string, ReadonlyArray<string>>> = { destroy: ["remove"], exec_die: ["exec_died"] }

/** A filter of events in Podman's words. */
export const eventFilter = (filter: Filter.Filter): Filter.Filter =>
  new Filter.Filter({
    terms: filter.terms.flatMap((term) =>
      term.key === "event"
        ? (asked[term.value] ?? [term.value]).map((value) => ({ key: term.key, value }))
        : [term]
    )
  })

/** What an event says besides: names as Docker has them, and nothing that is empty. */
export const attributes = (of: Readonly<Record<string, string>>, type: string): Readonly<Record<string, string>> => {
  const isName = (key: string) => key === "image" || (key === "name" && type === "image")
  return Object.fromEntries(
    Object.entries(of).flatMap(([key, value]) =>
      (key === "image" || key === "podId") && value === ""
        ? []
        : [[key, isName(key) ? familiar(value) : value] as const]
    )
  )
}
