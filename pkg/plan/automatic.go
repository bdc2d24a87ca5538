package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/graph"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/version"
)

// rule is one thing that automatic mode wants of a release before it takes it.
type rule struct {
	Name string
	// Inputs says what the rule looked at.
	Inputs func(decision, catalog.Release) string
	// Holds says why not, as the end of a sentence that begins with the release.
	Holds func(decision, catalog.Release) (why string, ok bool)
}

// automatic are the rules of automatic mode, in the order in which they are asked; the newest release that passes all of
// them is taken (facts: OKE 2.5, rule 9).
var automatic = []rule{
	// Never PREVIEW, DEPRECATED or RECALLED.
	{"active", statusInput, isActive},
	// Never backwards, but for who sits on a recalled release: newer ones are asked first.
	{"forward", forwardInput, isForward},
	// The cluster was put back from it; a newer one, or `retry`, goes on.
	{"not-held", heldInput, isNotHeld},
	// Made for the API server's version, and for every kubelet's.
	{"kubernetes", kubernetesInput, admitsKubernetes},
	{"kubelets", kubeletsInput, admitsKubelets},
	// Old enough; a day that nobody knows is not old enough. Installing asks for no age, nor does moving away from a recalled release.
	{"age", ageInput, isOldEnough},
	// Reachable by open steps.
	{"reachable", reachableInput, isReachable},
	// And a way back from it, unless an operator accepts that there is none.
	{"way-back", wayBackInput, hasWayBack},
	// It takes all that the operator set and the installed release takes. Asked last: where it alone fails, somebody is told.
	{settingsRule, settingsInput, takesSettings},
}

// eligible says whether automatic mode may take the release, and if not, why.
func (d decision) eligible(r catalog.Release) (string, bool) {
	rule, why := d.refusedBy(r)
	return why, rule == ""
}

// refusedBy is the first rule of automatic mode that does not hold for a release, and why; empty when all hold.
func (d decision) refusedBy(r catalog.Release) (name, why string) {
	for _, rule := range automatic {
		if why, ok := rule.Holds(d, r); !ok {
			return rule.Name, why
		}
	}
	return "", ""
}

func statusInput(_ decision, r catalog.Release) string { return "status " + string(r.Status) }

func isActive(_ decision, r catalog.Release) (string, bool) {
	if r.Status == catalog.Recalled && r.Recall != "" {
		return r.RecallText(), false
	}
	return fmt.Sprintf("is %s, and automatic updates take only ACTIVE releases", r.Status), r.Status == catalog.Active
}

func forwardInput(d decision, _ catalog.Release) string {
	if d.from.IsZero() {
		return "nothing is installed"
	}
	return "installed " + d.Installed.Version
}

func isForward(d decision, r catalog.Release) (string, bool) {
	return fmt.Sprintf("is older than the installed %s, and automatic updates never go backwards", d.Installed.Version),
		d.from.IsZero() || !r.Version.Less(d.from) || d.sitsOnRecalled()
}

// sitsOnRecalled tells whether the installed release has been recalled.
func (d decision) sitsOnRecalled() bool {
	r, ok := d.addOn.Find(d.from)
	return ok && r.Status == catalog.Recalled
}

func heldInput(d decision, _ catalog.Release) string {
	var held []string
	for _, h := range d.Held {
		held = append(held, h.Version)
	}
	if len(held) == 0 {
		return "nothing is held"
	}
	return "held: " + strings.Join(held, ", ")
}

func isNotHeld(d decision, r catalog.Release) (string, bool) {
	for _, h := range d.Held {
		if same(h.Version, r.Version.String()) {
			return "is held: the cluster was put back from it" + because(h.Reason), false
		}
	}
	return "", true
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", reason)
}

func kubernetesInput(d decision, r catalog.Release) string {
	k := "an unknown Kubernetes"
	if !d.Cluster.Kubernetes.IsZero() {
		k = "Kubernetes " + d.Cluster.Kubernetes.Core()
	}
	return fmt.Sprintf("%s, made for %s", k, r.Kubernetes)
}

func admitsKubernetes(d decision, r catalog.Release) (string, bool) {
	return r.Kubernetes.Admit(d.Cluster.Kubernetes)
}

func kubeletsInput(d decision, _ catalog.Release) string {
	kubelets := d.facts[catalog.FactKubelet]
	if len(kubelets) == 0 {
		return "no kubelet is known"
	}
	return "kubelets " + strings.Join(kubelets, ", ")
}

func admitsKubelets(d decision, r catalog.Release) (string, bool) {
	unfit := slices.IndexFunc(d.kubelets, func(k version.Version) bool {
		_, ok := r.Kubernetes.Admit(k)
		return !ok
	})
	if unfit < 0 {
		return "", true
	}
	kubelet := d.kubelets[unfit]
	first := slices.IndexFunc(d.Nodes, func(n noderoll.Node) bool { return n.Exempt == "" && parse(n.KubeletVersion).Equal(kubelet) })
	return fmt.Sprintf("is made for Kubernetes %s, and the kubelet of %s is %s", r.Kubernetes, d.Nodes[first].Name, kubelet.Core()), false
}

func ageInput(d decision, r catalog.Release) string {
	released := "released on an unknown day"
	if r.Released != "" {
		released = "released on " + r.Released
	}
	if d.MinimumAge == 0 {
		return released + ", no age is asked for"
	}
	return fmt.Sprintf("%s, at least %s old is asked for", released, days(d.MinimumAge))
}

func isOldEnough(d decision, r catalog.Release) (string, bool) {
	if d.MinimumAge == 0 || d.from.IsZero() || r.Version.Equal(d.from) || d.sitsOnRecalled() {
		return "", true
	}
	day, known := r.ReleasedOn()
	if !known {
		return fmt.Sprintf("has no known day, and automatic updates want releases that are at least %s old", days(d.MinimumAge)), false
	}
	return fmt.Sprintf("is of %s, and automatic updates want releases that are at least %s old", r.Released, days(d.MinimumAge)),
		!d.Now.Before(day.Add(d.MinimumAge))
}

// days writes a duration as people say it.
func days(age time.Duration) string {
	const day = 24 * time.Hour
	if age%day == 0 {
		return count(int(age/day), "day", "days")
	}
	return age.String()
}

func reachableInput(d decision, r catalog.Release) string {
	path := d.pathTo(r)
	if d.from.IsZero() || r.Version.Equal(d.from) {
		return "no step"
	}
	if !path.Open() {
		return "no open path"
	}
	return "path " + route(path)
}

// automaticPath is a path that was found, and where it leads.
type automaticPath struct {
	to   version.Version
	path graph.Path
}

// pathTo is the path that automatic mode would go to a release; empty when the cluster is there. It leads backwards only away from a recalled
// release, and then may pass what an operator may.
func (d decision) pathTo(r catalog.Release) graph.Path {
	if r.Version.Equal(d.from) {
		return graph.Path{}
	}
	if found := d.automatic; !found.to.Equal(r.Version) {
		w := d.where()
		w.Automatic, w.Kubelets = !d.sitsOnRecalled() || !r.Version.Less(d.from), d.kubelets
		found.to, found.path = r.Version, d.graph.Path(d.from, r.Version, w)
	}
	return d.automatic.path
}

// readable are the versions that can be read.
func readable(texts []string) []version.Version {
	var out []version.Version
	for _, text := range texts {
		if v := parse(text); !v.IsZero() {
			out = append(out, v)
		}
	}
	return out
}

func isReachable(d decision, r catalog.Release) (string, bool) {
	if r.Version.Equal(d.from) {
		return "", true
	}
	path := d.pathTo(r)
	if !path.Open() {
		return "cannot be reached: " + closings(path.Why), false
	}
	for _, e := range path.Edges[:len(path.Edges)-1] {
		passed, _ := d.addOn.Find(e.To)
		if why, ok := isNotHeld(d, passed); !ok {
			return fmt.Sprintf("is reached by way of %s, which %s", e.To, why), false
		}
	}
	return "", true
}

func wayBackInput(d decision, r catalog.Release) string {
	if d.accepted() {
		return "a move without a way back is accepted"
	}
	return "the way back is " + string(d.worst(d.pathTo(r)))
}

func hasWayBack(d decision, r catalog.Release) (string, bool) {
	if d.from.IsZero() || d.accepted() {
		return "", true
	}
	return "has no way back, and automatic updates take only moves that can be taken back",
		d.worst(d.pathTo(r)) != catalog.OneWay
}

// worst is the class of a whole path, but for steps that nobody should want to take back.
func (d decision) worst(p graph.Path) catalog.Class {
	class := catalog.Reversible
	for _, e := range p.Edges {
		if back := d.back(e); !back.left {
			class = class.Worse(back.class)
		}
	}
	return class
}

// route writes a path as versions.
func route(p graph.Path) string {
	return strings.Join(decision{path: p}.pathVersions(), " -> ")
}

// closings are the reasons why a step is closed, as one sentence.
func closings(cs []graph.Closing) string {
	var out []string
	for _, c := range cs {
		text := c.Message
		if len(c.Unknown) > 0 {
			text += " (not known here: " + factList(c.Unknown) + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}
