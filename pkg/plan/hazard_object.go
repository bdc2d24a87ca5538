package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// selectorKept : the API server refuses another selector, and a delete would take the agents away.
func selectorKept(_ decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, p := range pairs(before, after) {
		if !maps.Equal(p.before.Selector, p.after.Selector) {
			out = append(out, forbid(SelectorChanged, "B1 B2",
				fmt.Sprintf("the selector of %s goes from %s to %s: the API server refuses it, and nothing of the move would reach a node",
					workloadName(p.after), labels(p.before.Selector), labels(p.after.Selector)),
				"keep the old selector in the chart or overlay; labels may be added to the pods, never to the selector")...)
		}
	}
	return out
}

func labels(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return strings.Join(out, ",")
}

// roleReferenceKept : the API server refuses another role in a binding that exists.
func roleReferenceKept(_ decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, b := range after.Bindings {
		if old, ok := binding(before, b.Name); ok && old.Role != b.Role {
			out = append(out, forbid(RoleReferenceChanged, "B2",
				fmt.Sprintf("%s goes from %s to %s: the API server refuses to change the role of a binding", b.Name, old.Role, b.Role),
				"give the new binding another name, so that the old agents keep their rights until the last node has moved")...)
		}
	}
	return out
}

func binding(f catalog.Footprint, name string) (catalog.Binding, bool) {
	i := slices.IndexFunc(f.Bindings, func(b catalog.Binding) bool { return b.Name == name })
	if i < 0 {
		return catalog.Binding{}, false
	}
	return f.Bindings[i], true
}

// bindingSubjectsKept : rules are joined while nodes change, subjects are not, so an account that a binding forgets loses its
// rights before the pods that run as it are gone.
func bindingSubjectsKept(d decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, b := range after.Bindings {
		old, _ := binding(before, b.Name)
		if lost := missing(b.Subjects, old.Subjects); len(lost) > 0 {
			out = append(out, forbid(SubjectsLost, "B45",
				fmt.Sprintf("%s forgets %s: old agents on every node lose the API server as soon as it is written, and do not "+
					"start again", b.Name, strings.Join(lost, ", ")),
				"keep the old subject in the binding until the last node has moved")...)
		}
	}
	return d.unlessAccepted(out)
}

// workloadKept : two agents on one node fight over one device and one set of rules (facts: CNI A1.8); and an agent that the
// new release does not have is no update but a removal.
func workloadKept(d decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, w := range before.Workloads {
		if _, kept := find(after, w.Kind, w.Namespace, w.Name); kept || w.Kind != daemonSet {
			continue
		}
		if others := newDaemonSets(before, after); len(others) > 0 {
			out = append(out, forbid(SecondAgent, "B45",
				fmt.Sprintf("%s becomes %s: both would run on every node and fight over the same device, rules and files",
					workloadName(w), strings.Join(others, ", ")),
				"keep name and namespace; a move to other ones has to swap node by node")...)
			continue
		}
		out = append(out, d.unlessBack(forbid(AgentRemoved, "B46",
			fmt.Sprintf("%s is not part of the new release and nothing takes its place: nodes would be left without their agent",
				workloadName(w)),
			"choose a release that has it; addonctl never removes an agent as part of an update"))...)
	}
	return out
}

func newDaemonSets(before, after catalog.Footprint) []string {
	var out []string
	for _, w := range after.Workloads {
		if _, had := find(before, w.Kind, w.Namespace, w.Name); !had && w.Kind == daemonSet {
			out = append(out, workloadName(w))
		}
	}
	return out
}

// told of by checks of their own, or made anew with every release under a name that follows from their content.
var leftElsewhere = []string{"ConfigMap", "Secret", "CustomResourceDefinition", daemonSet}

// objectsLeft names what the new release has no more: nobody updates it from then on.
func objectsLeft(_ decision, before, after catalog.Footprint) []Finding {
	gone := slices.DeleteFunc(missing(after.Objects, before.Objects), func(o string) bool {
		kind, _, _ := strings.Cut(o, " ")
		return slices.Contains(leftElsewhere, kind)
	})
	if len(gone) == 0 {
		return nil
	}
	return warn(ObjectsLeft, "B48",
		fmt.Sprintf("%s of the live release %s not part of the new one, and nobody updates %s from then on: %s",
			count(len(gone), "object", "objects"), isAre(len(gone)), itThem(len(gone)), few(gone)),
		"look at them when the move is settled, and delete what nothing uses")
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func itThem(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// flannelRoleFree : Calico's canal manifest brings a ClusterRole named flannel without the right to get nodes.
func flannelRoleFree(d decision, after catalog.Footprint) []Finding {
	const role = "ClusterRole flannel"
	beside := d.addOn.NetworkType == "" && d.networkType == catalog.FlannelOverlay
	if !beside || !slices.Contains(after.Objects, role) {
		return nil
	}
	return forbid(RoleTaken, "B49",
		fmt.Sprintf("%s brings a %s, which is flannel's own: flannel on every node loses the right to get its node",
			d.addOn.Name, role),
		"give the add-on's role a name of its own")
}

// bytesOfSecret is how much a Secret can hold (facts: CNI B6).
const bytesOfSecret = 1 << 20

// releaseSize estimates the record of the release. Manifests of this kind shrink to a fifth as they are stored, and the chart's
// templates are about as long again (facts: CNI A3.5).
func releaseSize(_ decision, after catalog.Footprint) []Finding {
	estimate := after.Bytes / 5 * 2
	if estimate < bytesOfSecret {
		return nil
	}
	return warn(ReleaseTooLarge, "B6",
		fmt.Sprintf("the record of the release takes about %d KiB, and a Secret holds %d: it may be refused, before any "+
			"object is written",
			estimate>>10, bytesOfSecret>>10), "move the CustomResourceDefinitions into a chart of their own")
}
