// Package manifests embeds our own deployment and custom resource definitions. It knows nothing else.
package manifests

import "embed"

// FS holds the folder crds as generated from pkg/api (make generate).
//
//go:embed all:crds
var FS embed.FS
