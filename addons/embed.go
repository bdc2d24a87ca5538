// Package addons embeds the catalog's data: one folder per add-on with
// addon.yaml, releases/<version>.yaml, blocked/<name>.yaml and
// hazards/<name>.yaml. Package catalog says what the files mean and reads them.
package addons

import "embed"

// FS holds the add-ons' folders at its root, every one that there is.
//
//go:embed all:*/*
var FS embed.FS
