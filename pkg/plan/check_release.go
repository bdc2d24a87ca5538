package plan

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

func installOnce(d decision) []Finding {
	have := cmp.Or(d.Desired.Version, d.Desired.MoveTo, d.begun())
	if have == "" && d.Desired.AddOn != "" {
		have = d.goal.Version.String()
	}
	if d.Request.Verb != Install || d.Request.Version == "" || have == "" || same(have, d.Request.Version) {
		return nil
	}
	return block(AlreadyInstalled, fmt.Sprintf("%s %s is installed, or recorded to be; installing does not move it to %s", d.addOn.Name, have, d.Request.Version),
		fmt.Sprintf("addonctl pin --version %s --reason … moves it and keeps it there, addonctl update moves an automatic one", d.Request.Version))
}

func releaseKnown(d decision) []Finding {
	if d.addOn.Name == "" || d.stays() || !d.goal.Version.IsZero() || d.kubernetesMissing() {
		return nil
	}
	if want := d.named(); want != "" {
		return block(UnknownVersion,
			fmt.Sprintf("the catalog has no %s %s; on Kubernetes %s these fit: %s", d.addOn.Name, want, d.Cluster.Kubernetes.Core(), d.fitting()),
			"addonctl versions lists every release and why it fits or not")
	}
	return block(NoFittingRelease,
		fmt.Sprintf("no ACTIVE release of %s fits Kubernetes %s and its nodes", d.addOn.Name, d.Cluster.Kubernetes.Core()),
		"addonctl versions lists every release and why it fits or not")
}

// releaseStatus : automatic mode takes only ACTIVE ones by itself, an operator may ask for a PREVIEW one, may go back to a
// DEPRECATED one and enter it otherwise only with a reason; nobody may choose a recalled one (facts: OKE rules 9 and 10).
//
//	| status     | stays there | goes back to it | moves or installs        |
//	|------------|-------------|-----------------|--------------------------|
//	| ACTIVE     | nothing     | nothing         | nothing                  |
//	| PREVIEW    | note        | note            | note                     |
//	| DEPRECATED | note        | note            | blocks without --accept  |
//	| RECALLED   | see recalled-installed | blocks | blocks                 |
//
// A CNI that was deleted by hand stays there: it is put back as it was.
func releaseStatus(d decision) []Finding {
	name := fmt.Sprintf("%s %s", d.addOn.Name, d.goal.Version)
	notActive := fmt.Sprintf("%s is %s: automatic updates never take it", name, d.goal.Status)
	switch status := d.goal.Status; {
	case status == catalog.Recalled && d.moves():
		return block(Recalled, name+" "+d.goal.RecallText(), "choose another: "+d.fitting())
	case status == catalog.Deprecated && d.moves() && !d.goal.Version.Less(d.from) && !d.gone() && !d.accepted():
		return block(NotActive, notActive+"; it is unsupported, and meant as a way back", "take another: "+d.fitting()+"; or say why: --accept REASON")
	case status == catalog.Deprecated || status == catalog.Preview:
		return note(NotActive, notActive, "")
	default:
		return deprecatedPassed(d)
	}
}

// deprecatedPassed tells of DEPRECATED releases on the way forwards: a required stop may have no other.
func deprecatedPassed(d decision) []Finding {
	var passed []string
	for _, h := range d.hops {
		if h.to.Status == catalog.Deprecated && d.from.Less(h.to.Version) {
			passed = append(passed, h.to.Version.String())
		}
	}
	if len(passed) == 0 {
		return nil
	}
	return note(NotActive, fmt.Sprintf("the way to %s %s passes %s, which is DEPRECATED and unsupported", d.addOn.Name, d.goal.Version, strings.Join(passed, ", ")), "")
}

// recalledInstalled speaks where the cluster sits on a recalled release. Automatic mode moves away from it: forwards where something newer
// fits, else back.
func recalledInstalled(d decision) []Finding {
	r, ok := d.addOn.Find(d.from)
	if !ok || r.Status != catalog.Recalled || !d.target.Version.Equal(d.from) {
		return nil
	}
	name := fmt.Sprintf("%s %s, which is installed, %s", d.addOn.Name, d.from, r.RecallText())
	if d.desired.Version != "" {
		holds := "; the pin holds it there"
		if d.pinFailed() != "" {
			holds = "; the pin, which failed, does not lead away from it"
		}
		return note(PinRecalled, name+holds, "addonctl pin --version … to one of: "+d.fitting()+"; or addonctl unpin")
	}
	if newest, ok := d.newest(); ok && !newest.Version.Equal(d.from) {
		return note(RecalledInstalled, name, "addonctl update moves away from it, to "+newest.Version.String())
	}
	return note(RecalledInstalled, name+", and nothing else fits", "go back to one of: "+d.fitting()+" (addonctl update --version …)")
}

func kubernetesRange(d decision) []Finding {
	if d.goal.Version.IsZero() {
		return nil
	}
	reason, ok := d.goal.Kubernetes.Admit(d.Cluster.Kubernetes)
	if ok {
		return nil
	}
	message := fmt.Sprintf("%s %s %s; these fit: %s", d.addOn.Name, d.goal.Version, reason, d.fitting())
	switch {
	case d.Cluster.Kubernetes.IsZero(), !d.moves() && d.desired.Version != "" && d.pinFailed() == "":
		return nil // facts-known and pin-fits say it
	case d.moves():
		return block(KubernetesOutOfRange, message, "addonctl versions lists every release and why it fits or not")
	}
	return note(KubernetesOutOfRange, message, "plan a move to one that fits")
}

func kubeletRange(d decision) []Finding {
	if d.goal.Version.IsZero() {
		return nil
	}
	var out []string
	if _, ok := admitsKubelets(d, d.goal); ok {
		return nil
	}
	for _, n := range d.Nodes {
		kubelet := parse(n.KubeletVersion)
		if n.Exempt != "" || kubelet.IsZero() {
			continue
		}
		if _, ok := d.goal.Kubernetes.Admit(kubelet); !ok {
			out = append(out, fmt.Sprintf("%s (%s)", n.Name, n.KubeletVersion))
		}
	}
	if len(out) == 0 {
		return nil
	}
	return note(NodeOutOfRange, fmt.Sprintf("%s %s is not meant for the kubelet of %s: %s",
		d.addOn.Name, d.goal.Version, count(len(out), "node", "nodes"), few(out)), "upgrade these nodes")
}

func listedFor(d decision) []Finding {
	listed := d.goal.ListedFor
	if len(listed) == 0 || d.Cluster.Kubernetes.IsZero() {
		return nil
	}
	var names []string
	for _, m := range listed {
		if m == d.Cluster.Kubernetes.Minor() {
			return nil
		}
		names = append(names, m.String())
	}
	return note(NotListedFor, fmt.Sprintf("%s %s is listed for Kubernetes %s, the cluster runs %s",
		d.addOn.Name, d.goal.Version, strings.Join(names, ", "), d.Cluster.Kubernetes.Core()), "")
}

func backwards(d decision) []Finding {
	if d.from.IsZero() || d.goal.Version.IsZero() || !d.goal.Version.Less(d.from) {
		return nil
	}
	fix := ""
	switch left := d.desired.Back.Leaves; {
	case d.pinFailed() != "": // which says what is to be done
	case left != "":
		fix = fmt.Sprintf("%s is held: automatic updates wait for a newer one, or for addonctl retry", left)
	case d.desired.Version == "":
		fix = fmt.Sprintf("the next update goes forwards again; addonctl pin --version %s --reason … keeps it there", d.goal.Version)
	}
	return note(Backwards, fmt.Sprintf("%s is older than the installed %s", d.goal.Version, d.Installed.Version), fix)
}

// installedKnown speaks where what is live is no release of the catalog: its mechanism and its dangers are not known.
func installedKnown(d decision) []Finding {
	if !d.Installed.Present || d.addOn.Name == "" {
		return nil
	}
	if _, ok := d.addOn.Find(d.from); ok {
		return nil
	}
	if d.from.IsZero() && d.moves() {
		return block(UnknownInstalled, fmt.Sprintf("%s runs from an image whose tag is no version (%q): which moves are safe cannot be told",
			d.addOn.Name, d.Installed.Version), "put a released image back first")
	}
	return note(UnknownInstalled, fmt.Sprintf("%s %s is installed, which is no release of the catalog: there is no way back to it",
		d.addOn.Name, d.Installed.Version), "addonctl catalog list shows the releases")
}
