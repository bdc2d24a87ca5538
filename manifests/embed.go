// Package manifests embeds our own deployment and custom resource definitions. It knows nothing else.
package manifests

import "embed"

// FS holds crds, as generated from pkg/api (make generate), guard, the admission policies that protect the CNI, and identity, the accounts that
// addonctl and its break-glass act as: package guard applies the last two. The deployment of addon-manager is made of them by kustomize: its
// parts are manager and target, and what can be applied is in overlays (in-cluster, hub, target). Files named Kustomization are no objects. Monitoring holds alert rules and a
// dashboard of the metrics of pkg/metric.
//
//go:embed all:crds all:guard all:identity all:manager all:monitoring all:target all:overlays
var FS embed.FS
