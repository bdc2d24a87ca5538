// Package artifact gets what is not built in: charts, and upstream's own definitions, from folders, files and OCI
// registries. What a registry gives is taken by digest alone, checked here, bounded in size and kept in a cache, so that a
// reference means the same bytes with and without a network. The package knows nothing of what charts and definitions say
// beyond a chart's name; reading them is for those who use them. Start with Open.
package artifact
