package plan

import (
	"github.com/addonctl/addonctl/pkg/catalog"
)

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
	taken := ""
	for _, r := range d.addOn.Releases {
		c := d.choice(r)
		switch {
		case !c.Fits || c.Why != "":
		case taken == "":
			c.Newest, taken = true, c.Version
		default:
			c.Why = taken + " is newer and fits"
		}
		out = append(out, c)
	}
	return out
}

func (d decision) choice(r catalog.Release) Choice {
	c := Choice{
		Version:   r.Version.String(),
		Status:    r.Status,
		Installed: r.Version.Equal(d.from),
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

// Newest is the newest release that automatic mode may take now, whatever is asked for or wished; it may be the installed one. It is empty
// when there is none.
func Newest(in Input) string {
	in.Request = Request{}
	r, _ := decide(in).newest()
	return r.Version.String()
}
