import type * as Errors from "../../Errors.ts"
import { reason } from "../../errors/make.ts"

export { reason }

/** The codes of gRPC that are asked about by name. */
export const Code = {
  alreadyExists: 6,
  failedPrecondition: 9,
  unavailable: 14
} as const

/** What a call can fail with: gRPC's own error has these fields and more. */
export interface Status {
  readonly code: number
  readonly details: string
}

export const isStatus = (cause: unknown): cause is Status =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "number" &&
  "details" in cause && typeof cause.details === "string"

type Tag = Errors.Reason["_tag"]

interface Rule {
  readonly says: RegExp
  readonly tag: Tag
  readonly hint?: string
  /** Keep only the first group of `says`: what surrounds it is the engine's inner life. */
  readonly trim?: true
}

/** The engine takes away the folder of a container's last task, of the same name, after it has said that the task is gone. */
const lastTask = {
  tag: "AlreadyExists",
  hint: "the container's last task is still being taken away, or its shim cannot be executed: try again"
} as const

/** Most of what fails in a shim or in runc comes as UNKNOWN: the text is all there is. */
const rules: ReadonlyArray<Rule> = [
  {
    says: /(exec: ".*?": (?:executable file not found in \$PATH|.*?no such file or directory))/s,
    tag: "NotFound",
    trim: true
  },
  {
    says: /(exec: ".*?": .*?(?:permission denied|is a directory|exec format error))/s,
    tag: "PermissionDenied",
    trim: true
  },
  { says: /exec [^ ]+: (?:exec format error|permission denied)|exec format error/, tag: "PermissionDenied" },
  {
    says: /(chdir to cwd \(".*?"\).*?(?:no such file or directory|not a directory))/s,
    tag: "InvalidArgument",
    trim: true
  },
  {
    says:
      /(error mounting ".*?".*?(?:no such file or directory|not a directory))|failed to fulfil mount request: (open .*?: no such file or directory)/s,
    tag: "InvalidArgument",
    trim: true,
    hint: "what is mounted must be there on the engine's host"
  },
  { says: /no space left on device|disk quota exceeded/i, tag: "ResourceExhausted", hint: "the engine's disk is full" },
  { says: /cannot allocate memory|too many open files/i, tag: "ResourceExhausted" },
  // The folder is still there,
  { ...lastTask, says: /mkdir .*io\.containerd\.runtime\.v2\.task.*: file exists/s },
  // or goes between its making
  { ...lastTask, says: /io\.containerd\.runtime\.v2\.task\/[^/\s]+\/[^/\s]+(?:\/[^/\s]+)?: no such file/ },
  // and the end of its shim's start. A shim's program that is not there is found out before that.
  {
    ...lastTask,
    says:
      /(?:start shim: .*(?:error creating fifo .*\/log|getwd|fork\/exec \S+)|mount rootfs component.*): no such file/s
  },
  {
    says: /runtime ".*?" binary not installed|containerd-shim-\S+: (?:executable file not found|no such file)/i,
    tag: "Unsupported",
    hint: "install the runtime's shim where the engine finds it, or name another runtime"
  },
  { says: /unable to apply cgroup configuration|systemd not running on this host/i, tag: "Unsupported" },
  { says: /unable to apply caps: operation not permitted/i, tag: "PermissionDenied" },
  {
    says:
      /process already finished|no such process|cannot (?:start|resume|pause|exec|delete) .*(?:stopped|paused|running)/i,
    tag: "Conflict"
  },
  { says: /container with given ID already exists/i, tag: "AlreadyExists" },
  { says: /ttrpc: closed|shim.*(?:exited|disconnected)/i, tag: "Unavailable", hint: "the container's shim is gone" },
  { says: /locked for .*unavailable/i, tag: "Unavailable", hint: "somebody else writes it: try again" }
]

const tags: Readonly<Record<number, Tag>> = {
  1: "Unavailable",
  3: "InvalidArgument",
  4: "TimedOut",
  5: "NotFound",
  6: "AlreadyExists",
  7: "PermissionDenied",
  8: "ResourceExhausted",
  9: "Conflict",
  10: "Unavailable",
  11: "InvalidArgument",
  12: "Unsupported",
  13: "Protocol",
  14: "Unavailable",
  15: "Internal",
  16: "Unauthenticated"
}

/** What gRPC's own client says, with the code of a method that there is not. */
const notOne = /^(?:No message received|Too many responses received)$/

/** The reason that a call's status is. */
export const fromStatus = (operation: string, { code, details }: Status): Errors.Reason => {
  if (notOne.test(details)) {
    return reason("Protocol", { operation, message: `the engine's answer is not one message: ${details}` })
  }
  const unknown = code === 2 || code === Code.unavailable || code === Code.failedPrecondition
  const rule = unknown ? rules.find(({ says }) => says.test(details)) : undefined
  const match = rule?.trim === true ? rule.says.exec(details) : null
  const message = match?.[1] ?? match?.[2] ?? details.replace(/: unknown$/, "")
  return reason(rule?.tag ?? tags[code] ?? "Internal", {
    operation,
    message,
    // A server can say what it likes.
    code: Number.isFinite(code) ? code : undefined,
    hint: rule?.hint
  })
}

/** The code of a failure of the system, such as `ENOENT`. */
export const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

/** What a failed call of Node's says. */
export const fromCause = (operation: string, cause: unknown): Errors.Reason => {
  if (isStatus(cause)) return fromStatus(operation, cause)
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = codeOf(cause)
  const tag: Tag = code === "ENOENT"
    ? "NotFound"
    : code === "EACCES" || code === "EPERM"
    ? "PermissionDenied"
    : code === "ENOSPC" || code === "EMFILE" || code === "ENOMEM" || code === "EDQUOT"
    ? "ResourceExhausted"
    : code === "ECONNRESET" || code === "EPIPE" || code === "ECONNREFUSED"
    ? "Unavailable"
    : "Internal"
  return reason(tag, { operation, message, code, cause })
}
