import { stripVTControlCharacters } from "node:util"

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]

/** Bytes as the engines' own clients write them: decimal units, `12.3 MB`. */
export const bytes = (n: number): string => {
  let value = Math.max(0, n)
  let unit = 0
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(value) : Math.min(value, 999.9).toFixed(1)} ${UNITS[unit]}`
}

/** Milliseconds as `4s`, `1m20s`, `2h05m`. */
export const duration = (milliseconds: number): string => {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 60) return `${seconds}s`
  const pad = (n: number) => String(n).padStart(2, "0")
  return seconds < 3600
    ? `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`
    : `${Math.floor(seconds / 3600)}h${pad(Math.floor(seconds / 60) % 60)}m`
}

/** Milliseconds as `0.3s`, `59.9s`, `1m20s`. */
export const elapsed = (milliseconds: number): string =>
  milliseconds < 59_950 ? `${(Math.max(0, milliseconds) / 1000).toFixed(1)}s` : duration(milliseconds)

/** One line without control characters: what an engine or a build says must not move the cursor. */
export const plain = (text: string): string => {
  const stripped = stripVTControlCharacters(text)
  return /[\p{Cc}\u2028\u2029]/u.test(stripped)
    ? stripped.replaceAll("\t", "    ").replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").trim()
    : stripped
}

const isWide = (code: number): boolean =>
  (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0x303e) || (code >= 0x3041 && code <= 0xa4cf) ||
  (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) ||
  (code >= 0xff00 && code <= 0xff60) || (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1f64f) ||
  (code >= 0x1f680 && code <= 0x1f9ff) || (code >= 0x20000 && code <= 0x3fffd)

const cell = (character: string): number => {
  const code = character.codePointAt(0)!
  if (code < 0x300) return 1
  if (/[\p{M}\p{Cf}]/u.test(character)) return 0
  return isWide(code) || /\p{Emoji_Presentation}/u.test(character) ? 2 : 1
}

/** How many cells of a terminal a text takes. */
export const cells = (text: string): number => {
  let sum = 0
  for (const character of text) sum += cell(character)
  return sum
}

/** As much of a text as fits into `width` cells, with a mark where it was cut. */
export const clip = (text: string, width: number, unicode: boolean): string => {
  if (text.length <= width && /^[\u0020-\u007e]*$/.test(text)) return text
  if (cells(text) <= width) return text
  const mark = unicode ? "…" : "~"
  let out = ""
  let used = 0
  for (const character of text) {
    const size = cell(character)
    if (used + size > width - 1) break
    out += character
    used += size
  }
  return width < 1 ? "" : out + mark
}

/** A text in exactly `width` cells. */
export const pad = (text: string, width: number, unicode: boolean): string => {
  const clipped = clip(text, width, unicode)
  return clipped + " ".repeat(Math.max(0, width - cells(clipped)))
}

const styles = { dim: [2, 22], green: [32, 39], cyan: [36, 39], red: [31, 39], bold: [1, 22] } as const

/** Colours a text, or not. */
export const style = (name: keyof typeof styles, text: string, color: boolean): string => {
  const [on, off] = styles[name]
  return color && text !== "" ? `\u001b[${on}m${text}\u001b[${off}m` : text
}
