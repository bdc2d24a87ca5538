package plan

import (
	"fmt"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// decision is the input with the request merged in and the target chosen; the checks read it.
type decision struct {
	Input
	// networkType in force.
	networkType catalog.NetworkType
	addOn       catalog.AddOn
	desired     Desired
	// target release; zero when none was found.
	target catalog.Release
}

// Target is the release that the input asks for, before any check; false when there is none. Callers use it to render
// the target and fill Input.Change before Make.
func Target(in Input) (catalog.AddOn, catalog.Release, bool) {
	d := decide(in)
	return d.addOn, d.target, !d.target.Version.IsZero()
}

func decide(in Input) decision {
	d := decision{Input: in, networkType: inForce(in), desired: merge(in.Desired, in.Request)}
	if in.Catalog == nil || d.networkType == "" {
		return d
	}
	addOn, ok := in.Catalog.ForNetworkType(d.networkType)
	if !ok {
		return d
	}
	d.addOn = addOn
	d.desired.AddOn = addOn.Name
	d.target = d.choose()
	return d
}

// inForce is the network type that a plan is made for: the recorded one, else the stamped one, else the requested one.
func inForce(in Input) catalog.NetworkType {
	if in.Cluster.NetworkType != "" {
		return in.Cluster.NetworkType
	}
	if in.Cluster.Stamp != nil && in.Cluster.Stamp.UID == in.Cluster.UID {
		return in.Cluster.Stamp.NetworkType
	}
	return in.Request.NetworkType
}

// merge is the record with the request in it:
//
//	| verb     | version given | then                                        |
//	|----------|---------------|---------------------------------------------|
//	| install  | yes           | as recorded; pinned to it when nothing is   |
//	| install  | no            | as recorded; automatic when nothing is      |
//	| update   | yes           | one move when automatic; a pin is kept      |
//	| update   | no            | a single move still under way is forgotten  |
//	| pin      | yes           | pinned to it                                |
//	| unpin    |               | automatic                                   |
func merge(d Desired, r Request) Desired {
	switch r.Verb {
	case Install:
		if r.Version != "" && d.AddOn == "" {
			d.Version, d.Pin = r.Version, r.Pin
		}
	case SetPin:
		d.Version, d.MoveTo, d.Pin = r.Version, "", r.Pin
	case Update:
		if d.Version == "" {
			d.MoveTo = r.Version
		}
	case Unpin:
		d.Version, d.MoveTo, d.Pin = "", "", Pin{}
	default: // following and registering change no wish
	}
	return d
}

// choose finds the wanted release: the pin, the single move, what was begun last, or, where an update is asked for or
// nothing was ever installed, the newest that automatic mode may take. Following the record alone never chooses a newer
// one, so that a loop whose record is changed or deleted under it moves no cluster that nobody asked to move.
func (d decision) choose() catalog.Release {
	if d.Request.Verb == Unpin || d.Request.Verb == Register {
		r, _ := d.addOn.Find(parse(d.Installed.Version))
		return r
	}
	if want := d.wanted(); want != "" {
		r, _ := d.addOn.Find(parse(want))
		return r
	}
	// A CNI that was deleted by hand is put back as it was before anything is moved.
	gone := !d.Installed.Present && d.Record.Deployed().Number > 0
	if begun := d.begun(); begun != "" && (d.Request.Verb != Update || gone) {
		r, _ := d.addOn.Find(parse(begun))
		return r
	}
	for _, r := range d.addOn.Releases {
		if _, ok := d.eligible(r); ok {
			return r
		}
	}
	r, _ := d.addOn.Find(parse(d.Installed.Version))
	return r
}

// begun is the version of the newest recorded revision, or the live one where nothing is recorded.
func (d decision) begun() string {
	if v := d.Record.Last().Version; v != "" || !d.Installed.Ours {
		return v
	}
	return d.Installed.Version
}

// wanted is the version that somebody named; empty in automatic mode.
func (d decision) wanted() string {
	if d.desired.Version != "" {
		return d.desired.Version
	}
	return d.desired.MoveTo
}

// eligible says whether automatic mode may take the release (facts: OKE 8.9; design: automatic mode).
func (d decision) eligible(r catalog.Release) (string, bool) {
	if r.Status != catalog.Active {
		return fmt.Sprintf("is %s, and automatic updates take only ACTIVE releases", r.Status), false
	}
	if installed := parse(d.Installed.Version); !installed.IsZero() && r.Version.Less(installed) {
		return fmt.Sprintf("is older than the installed %s, and automatic updates never go backwards", d.Installed.Version), false
	}
	if reason, ok := r.Kubernetes.Admit(d.Cluster.Kubernetes); !ok {
		return reason, false
	}
	return d.nodesAdmit(r)
}

func (d decision) nodesAdmit(r catalog.Release) (string, bool) {
	for _, n := range d.Nodes {
		kubelet := parse(n.KubeletVersion)
		if n.Exempt != "" || kubelet.IsZero() {
			continue
		}
		if reason, ok := r.Kubernetes.Admit(kubelet); !ok {
			return fmt.Sprintf("node %s: %s", n.Name, reason), false
		}
	}
	return "", true
}

// Choice is one release as seen from a cluster: whether it fits, and if not, why.
type Choice struct {
	Version string         `json:"version"`
	Status  catalog.Status `json:"status"`
	// Fits is true when the release may be installed on this Kubernetes version.
	Fits bool `json:"fits"`
	// Newest is true for the one that automatic mode would take.
	Newest bool `json:"newest,omitempty"`
	// Installed is true for the version of the live template; Pinned for the pinned one.
	Installed bool `json:"installed,omitempty"`
	Pinned    bool `json:"pinned,omitempty"`
	// Why says why it does not fit, or why automatic mode does not take it.
	Why string `json:"why,omitempty"`
	// ListedFor are the Kubernetes minors that Oracle's tables list it for.
	ListedFor []string `json:"listedFor,omitempty"`
}

// Choices lists the releases of the wanted add-on, newest first.
func Choices(in Input) []Choice {
	d := decide(in)
	var out []Choice
	taken := false
	for _, r := range d.addOn.Releases {
		c := d.choice(r)
		if c.Fits && c.Why == "" && !taken {
			c.Newest, taken = true, true
		} else if c.Fits && c.Why == "" {
			c.Why = "there is a newer one that fits"
		}
		out = append(out, c)
	}
	return out
}

func (d decision) choice(r catalog.Release) Choice {
	c := Choice{
		Version:   r.Version.String(),
		Status:    r.Status,
		Installed: r.Version.Equal(parse(d.Installed.Version)) && d.Installed.Present,
		Pinned:    d.Desired.Version != "" && r.Version.Equal(parse(d.Desired.Version)),
	}
	for _, m := range r.ListedFor {
		c.ListedFor = append(c.ListedFor, m.String())
	}
	reason, admitted := r.Kubernetes.Admit(d.Cluster.Kubernetes)
	c.Fits = admitted && r.Status != catalog.Recalled
	if !admitted {
		c.Why = reason
	} else if why, ok := d.eligible(r); !ok {
		c.Why = why
	}
	return c
}

// fitting lists the versions that may be installed on the cluster, newest first, for a message.
func (d decision) fitting() string {
	var out []string
	for _, r := range d.addOn.Releases {
		if _, ok := r.Kubernetes.Admit(d.Cluster.Kubernetes); ok && r.Status != catalog.Recalled {
			out = append(out, r.Version.String())
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// parse reads a version; one that cannot be read is zero, and every rule treats zero as unknown.
func parse(s string) version.Version {
	v, err := version.Parse(s)
	if err != nil {
		return version.Version{}
	}
	return v
}
