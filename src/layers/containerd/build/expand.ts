/** Variables by their names. */
export type Variables = Readonly<Record<string, string>>

/** The words of an instruction, with the quotes that hold them together. */
export const words = (text: string): ReadonlyArray<string> => text.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\S)+/g) ?? []

const expression = /\\(.)|'([^']*)'|"|\$(?:(\w+)|\{(\w+)(?:(:?[-+])((?:[^{}$]|\$\w+|\$\{[^}]*\})*))?\})/g

/** A word without its quotes, and with the values of its variables: `$NAME`, `${NAME}`, `${NAME:-else}`, `${NAME:+then}`. */
export const expand = (word: string, variables: ReadonlyMap<string, string>): string =>
  word.replace(
    expression,
    (
      _,
      escaped: string | undefined,
      literal: string | undefined,
      plain: string | undefined,
      braced: string | undefined,
      operator: string | undefined,
      other: string | undefined
    ) => {
      if (escaped !== undefined) return escaped
      if (literal !== undefined) return literal
      const value = variables.get(plain ?? braced ?? "")
      const isSet = value !== undefined && !(operator?.startsWith(":") === true && value === "")
      if (operator?.endsWith("-") === true && !isSet) return expand(other ?? "", variables)
      if (operator?.endsWith("+") === true) return isSet ? expand(other ?? "", variables) : ""
      return value ?? ""
    }
  )
