// Package manifests embeds our own deployment and custom resource definitions. It knows nothing else.
package manifests

import "embed"

// FS holds the folders crds, as generated from pkg/api (make generate), guard, the admission policies that protect the CNI, and
// identity, the accounts that addonctl and its break-glass act as. Package guard applies the last two. Monitoring holds alert rules and a
// dashboard of the metrics of pkg/metric.
//
//go:embed all:crds all:guard all:identity all:monitoring
var FS embed.FS
