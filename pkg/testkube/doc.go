// Package testkube gives a test a real Kubernetes control plane with played nodes, which ends with the test. It knows
// sandboxes and testing and nothing of add-ons; only test files import it.
//
// One control plane costs about six seconds and 800 MB, so tests of a package share one where they can, and use subtests.
// Start reading at Start.
package testkube
