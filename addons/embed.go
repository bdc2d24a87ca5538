// Package addons embeds the catalog's data: one folder per add-on with
// addon.yaml, releases/<version>.yaml, blocked/<name>.yaml and
// hazards/<name>.yaml. Package catalog says what the files mean and reads them.
package addons

import "embed"

// FS holds the add-ons' folders at its root.
//
//go:embed all:calico all:flannel all:oci-vcn-ip-native
var FS embed.FS
