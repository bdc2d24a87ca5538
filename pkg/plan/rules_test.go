package plan_test

import (
	"regexp"
	"strconv"
	"testing"
)

// later are the rows of facts: OKE 8 that belong to other packages, or that only a part of is decided here.
var later = map[int]string{
	10: "whether an image is in the realm's registry is asked by whoever writes; status, filters and realms are decided here",
	12: "un-pinning is verified by reading again, which the OKE driver does; what un-pinning means is decided here",
	19: "a 409 on installing is the OKE driver's to read",
	20: "no step of a plan removes a CNI; disabling is the OKE driver's",
	21: "work requests are the OKE driver's",
	23: "names are checked where URLs are built",
	25: "subnets are not seen yet",
	26: "who owns which object is seen in the dry run; giving up and taking over comes with adopting",
}

// Every row of facts: OKE 8 is a scenario's, or is listed with the reason why it is not.
func TestEveryRuleOfOKEIsCitedByAScenarioOrBelongsElsewhere(t *testing.T) {
	t.Parallel()
	cited := map[int]bool{}
	rule := regexp.MustCompile(`OKE rule (\d+)`)
	for _, file := range scenarioFiles(t) {
		rows := rule.FindAllSubmatch(file.archive.Comment, -1)
		if len(rows) == 0 && len(file.archive.Comment) < 200 {
			t.Errorf("%s states no rules", file.path)
		}
		for _, row := range rows {
			n, err := strconv.Atoi(string(row[1]))
			if err != nil {
				t.Fatal(err)
			}
			cited[n] = true
		}
	}
	const rows = 27
	for n := 1; n <= rows; n++ {
		if !cited[n] && later[n] == "" {
			t.Errorf("row %d of facts: OKE 8 is cited by no scenario, and nothing says why", n)
		}
	}
	for n := range cited {
		if n < 1 || n > rows {
			t.Errorf("there is no row %d in facts: OKE 8", n)
		}
	}
	for n := range later {
		if cited[n] && n != 10 {
			t.Errorf("row %d is said to belong elsewhere, and a scenario cites it", n)
		}
	}
}
