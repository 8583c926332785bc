import * as Metric from "effect/Metric"

export const pulls = Metric.counter("effect_containers_image_pulls", {
  description: "Image pulls begun",
  incremental: true
})

export const builds = Metric.counter("effect_containers_image_builds", {
  description: "Image builds begun",
  incremental: true
})

export const failures = Metric.counter("effect_containers_image_failures", {
  description: "Image pulls and builds that failed",
  incremental: true
})
