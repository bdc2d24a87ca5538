//go:build !race

package graph_test

// checks of a property.
const checks = "10000"
