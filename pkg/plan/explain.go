package plan

import (
	"fmt"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// Explanation says why a cluster moves, or why it does not: how the goal was chosen, what automatic mode says of each
// release, and what every check says.
type Explanation struct {
	Cluster string `json:"cluster"`
	AddOn   string `json:"addon,omitempty"`
	// Chosen says in a sentence how the goal was chosen.
	Chosen string `json:"chosen"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	// Path are the versions on the way.
	Path []string `json:"path,omitempty"`
	// Releases, newest first, down to the one that automatic mode takes.
	Releases []ReleaseVerdict `json:"releases"`
	// Checks in their order, those that have nothing to say too.
	Checks []CheckVerdict `json:"checks"`
}

// ReleaseVerdict is what automatic mode says of one release.
type ReleaseVerdict struct {
	Version string        `json:"version"`
	Taken   bool          `json:"taken"`
	Rules   []RuleVerdict `json:"rules"`
}

// RuleVerdict is what one rule says of one release; the rules after the first that fails are not asked.
type RuleVerdict struct {
	Rule   string `json:"rule"`
	Inputs string `json:"inputs"`
	Holds  bool   `json:"holds"`
	Why    string `json:"why,omitempty"`
}

// CheckVerdict is what one check says of the plan.
type CheckVerdict struct {
	Check    string    `json:"check"`
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"findings,omitempty"`
}

// Verdict is a check's answer in a word.
type Verdict string

// The verdicts of a check.
const (
	// VerdictPass : it has nothing to say.
	VerdictPass Verdict = "Pass"
	// VerdictNote : it says something that stops nothing.
	VerdictNote Verdict = "Note"
	// VerdictRefused : it stops every write.
	VerdictRefused Verdict = "Refused"
)

// Explain says why Make decides as it does; it asks the same rules.
func Explain(in Input) Explanation {
	d := decide(in)
	p := Make(in)
	e := Explanation{
		Cluster: p.Cluster, AddOn: p.AddOn, Chosen: d.chosen(), From: p.From, To: p.To, Path: p.Path, Checks: p.Verdicts(),
	}
	for _, r := range d.addOn.Releases {
		v := d.verdict(r)
		e.Releases = append(e.Releases, v)
		if v.Taken {
			break
		}
	}
	return e
}

// Verdicts are what every check says of the plan, in the order of Checks.
func (p Plan) Verdicts() []CheckVerdict {
	out := make([]CheckVerdict, len(Checks))
	for i, c := range Checks {
		out[i] = CheckVerdict{Check: c.Name, Verdict: VerdictPass}
		for _, f := range p.Findings {
			if f.Check != c.Name {
				continue
			}
			out[i].Findings = append(out[i].Findings, f)
			switch {
			case f.Blocking:
				out[i].Verdict = VerdictRefused
			case out[i].Verdict == VerdictPass:
				out[i].Verdict = VerdictNote
			}
		}
	}
	return out
}

func (d decision) verdict(r catalog.Release) ReleaseVerdict {
	v := ReleaseVerdict{Version: r.Version.String()}
	for _, rule := range automatic {
		why, ok := rule.Holds(d, r)
		said := RuleVerdict{Rule: rule.Name, Inputs: rule.Inputs(d, r), Holds: ok}
		if !ok {
			said.Why = why
			v.Rules = append(v.Rules, said)
			return v
		}
		v.Rules = append(v.Rules, said)
	}
	v.Taken = true
	return v
}

// chosen says how the goal was chosen.
func (d decision) chosen() string {
	to := d.goal.Version.String()
	switch {
	case d.addOn.Name == "":
		return "nothing: no add-on is known for this cluster"
	case d.stays():
		return fmt.Sprintf("%s moves nothing", d.Request.Verb)
	case d.pinFailed() != "":
		return fmt.Sprintf("%s, which ran before: %s, and nobody but an operator moves a pin", to, d.pinFailed())
	case d.desired.Version != "":
		return fmt.Sprintf("pinned to %s%s: nobody but an operator moves a pin", d.desired.Version, pinDetail(d.desired.Pin))
	case d.desired.MoveTo != "":
		return fmt.Sprintf("one move of an automatic add-on, to %s", d.desired.MoveTo)
	case d.named() != "":
		return fmt.Sprintf("automatic: %s is what was begun or installed last; a newer one is taken when an update is asked for", d.named())
	case to == "":
		return "automatic: no release passes every rule"
	case d.goal.Version.Equal(d.from):
		return fmt.Sprintf("automatic: the installed %s stays, no newer release passes every rule", to)
	default:
		return fmt.Sprintf("automatic: %s is the newest release that passes every rule (%s)", to, strings.Join(ruleNames(), ", "))
	}
}

func ruleNames() []string {
	out := make([]string, len(automatic))
	for i, r := range automatic {
		out[i] = r.Name
	}
	return out
}
