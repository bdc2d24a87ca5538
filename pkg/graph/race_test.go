//go:build race

package graph_test

// checks of a property: the race detector makes each several times as dear, and there is nothing to race.
const checks = "1000"
