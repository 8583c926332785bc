import { randomBytes } from "node:crypto"

/**
 * The keys by which whoever types at a terminal leaves it. An engine has some of its own when none are said, which then
 * are lost to the process, and with them all that comes after: said are so many that nobody types them. The first one is
 * held back until the next comes, so it is what terminals send for Ctrl-Space.
 */
export const detachKeys = (tty: boolean): string | undefined =>
  tty
    ? ["@", ...Array.from(randomBytes(15), (byte) => String.fromCharCode(97 + byte % 26))]
      .map((letter) => `ctrl-${letter}`).join(",")
    : undefined
