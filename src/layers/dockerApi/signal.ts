import { randomBytes } from "node:crypto"

/** The API cannot signal a process that it executed. It, and what it started, is known again by this variable. */
const marker = "EFFECT_CONTAINERS_EXEC"

/** The variable of one process, with its value. */
export const newMark = (): string => `${marker}=${randomBytes(8).toString("hex")}`

/**
 * Signals whatever has the mark in its environment. Made of what every shell has built in, which drop the NULs that stand
 * between variables. While it looks, more may be started: what is to be killed is looked for until nothing is found.
 */
const script = `while :; do
  found=
  for p in /proc/[0-9]*; do
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in *"$1"*) kill "-$2" "\${p#/proc/}" && found=1; break ;; esac
    done <"$p/environ"
  done
  case $2$found in 91) ;; *) exit 0 ;; esac
done 2>/dev/null`

/** The command that sends a signal to the processes of a mark. */
export const signaller = (mark: string, signal: number): ReadonlyArray<string> => [
  "/bin/sh",
  "-c",
  script,
  "sh",
  mark,
  String(signal)
]
