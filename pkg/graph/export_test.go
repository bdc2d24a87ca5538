package graph

import "github.com/addonctl/addonctl/pkg/catalog"

// ProveReading proves an add-on with a search that reads another one in its place.
func ProveReading(a, searched catalog.AddOn) []Violation {
	p := newProver(a, searched)
	p.prove()
	return p.found
}
