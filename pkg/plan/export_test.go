package plan

import "github.com/addonctl/addonctl/pkg/catalog"

// MakeWithout is Make without one check, for negative controls.
func MakeWithout(in Input, check string) Plan {
	var rest []Check
	for _, c := range Checks {
		if c.Name != check {
			rest = append(rest, c)
		}
	}
	return makeWith(in, rest)
}

// FactsOf are the facts that a plan is made by.
func FactsOf(in Input) catalog.Facts { return factsOf(in, inForce(in)) }
