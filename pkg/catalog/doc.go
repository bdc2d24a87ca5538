// Package catalog holds the add-ons and their releases as reviewed data: which
// network type an add-on serves, which releases it has, which Kubernetes
// versions each is made for, which images it runs, how nodes take it, and what
// is known about moving from one release to another.
//
// Load reads the data from any fs.FS, decodes it strictly and reports every
// fault at once. The package knows nothing of a cluster, chooses no release
// and does no I/O of its own. Start reading at Load, then AddOn and Release.
//
// The files lie like this; a file that fits nowhere is a fault, so that a
// misspelt name is not passed over in silence:
//
//	<add-on's folder>/addon.yaml             kind AddOn
//	<add-on's folder>/releases/<version>.yaml  kind Release
//	<add-on's folder>/blocked/<name>.yaml      kind Block
//	<add-on's folder>/hazards/<name>.yaml      kind Hazard
//	<add-on's folder>/*.md                   for the reader, not read here
package catalog
