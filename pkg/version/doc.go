// Package version reads, compares and filters versions as OKE and Kubernetes
// really write them.
//
// OKE's strings are not plain semver: they may carry a "v", may lack the patch
// number, and end in build parts ("v1.10.1-multiarch-7",
// "v1.27.2-oke.0.2.20-multiarch-98") that a semver library takes for
// pre-releases and orders letter by letter. This package compares the core
// numbers first, then the build parts, as numbers wherever they are numbers.
//
// It knows nothing of add-ons or clusters and does no I/O. Start reading at
// Version, then Filters.
package version
