// Package addons embeds the catalog's data: one folder per add-on with
// addon.yaml and releases/<version>.yaml. Package catalog says what the files
// mean and reads them.
package addons

import "embed"

// FS holds the add-ons' folders at its root.
//
//go:embed all:flannel
var FS embed.FS
