/** For `node --import`: a program finds this package in its sources, as tests do. */
import { registerHooks } from "node:module"

registerHooks({
  resolve: (specifier, context, next) => {
    const match = /^effect-containers(?:\/(.*))?$/.exec(specifier)
    if (match === null) return next(specifier, context)
    return next(new URL(`../../../../src/${match[1] ?? "index"}.ts`, import.meta.url).href, context)
  }
})
