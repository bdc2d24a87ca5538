package plan

import "github.com/addonctl/addonctl/pkg/catalog"

// HazardNames are the names of the checks of hazards.go.
func HazardNames() []string {
	out := make([]string, len(hazards))
	for i, c := range hazards {
		out[i] = c.Name
	}
	return out
}

// FindHazards runs these checks, but for one, on the move of an add-on to a release, however the planner would have chosen it.
func FindHazards(in Input, addOn catalog.AddOn, to, without string) []Finding {
	d := decision{
		Input: in, networkType: in.Cluster.NetworkType, addOn: addOn, desired: in.Desired, facts: factsOf(in, in.Cluster.NetworkType),
	}
	if in.Installed.Present {
		d.from = parse(in.Installed.Version)
	}
	d.target, _ = addOn.Find(parse(to))
	d.goal = d.target
	var out []Finding
	for _, c := range hazards {
		if c.Name != without {
			out = append(out, named(c.Name, c.Run(d))...)
		}
	}
	return out
}
