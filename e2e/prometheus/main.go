// Command prometheus is asked about expressions of PromQL, and answers with Prometheus' own parser: what is wrong with each, and which labels
// its result has. It knows no metric of ours: whoever asks says which series there are (pkg/metric's tests). Start reading at answer.
//
// It is a module of its own because the parser comes with Prometheus' whole list of modules. The version that go.mod requires is also the one of
// promtool and prometheus that `make alerts` builds.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// question is what stdin holds.
type question struct {
	// Series are those that there are, by name.
	Series map[string]series
	// Expressions are asked about.
	Expressions []string
}

// series are all of a name.
type series struct {
	// Labels that they have, without those that Prometheus adds of the target.
	Labels []string
	// Counter is true for those that only grow, and begin anew at 0.
	Counter bool
}

// reply is about one expression; stdout gets one for each, in their order.
type reply struct {
	Faults []string
	// Labels of the result.
	Labels []string
	// Metrics that it reads.
	Metrics []string
}

func main() {
	var q question
	in := json.NewDecoder(os.Stdin)
	in.DisallowUnknownFields()
	err := in.Decode(&q)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(q.answer())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
