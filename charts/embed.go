// Package charts embeds the add-ons' Helm charts, one folder each. A chart
// decides by its value "version" whatever a version of the add-on implies, so
// that the catalog's data holds no object text. Package render turns a chart
// into objects.
package charts

import "embed"

// FS holds the charts' folders at its root, also the files whose names begin
// with "_" or ".", which a plain embed drops.
//
//go:embed all:calico all:flannel all:oci-vcn-native
var FS embed.FS
