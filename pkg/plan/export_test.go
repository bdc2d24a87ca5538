package plan

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
