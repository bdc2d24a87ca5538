package plan

import (
	"fmt"
	"strings"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// oldPodsAvailable : the DaemonSet controller puts every old pod that is not available on its delete list, whatever
// maxUnavailable says, so a node-wide problem would turn an update into replacing the whole fleet at once (facts: CNI
// B8). Going on with, or back from, a move that is under way is the way out and is not blocked.
func oldPodsAvailable(d decision) []Finding {
	if !d.Installed.Present || !d.moves() || underWay(d) {
		return nil
	}
	t := noderoll.Sum(d.Nodes, d.Installed.Newest)
	if t.Unavailable == 0 {
		return nil
	}
	message := fmt.Sprintf("%s without an available pod of %s %s: %s",
		count(t.Unavailable, "node is", "nodes are"), d.addOn.Name, d.Installed.Version, waiting(t))
	if t.Unavailable <= d.Installed.MaxUnavailable {
		return note(OldPodsUnavailable, message, "addonctl nodes shows them")
	}
	return block(OldPodsUnavailable, message+fmt.Sprintf("; a rolling update (at most %d at once) would replace them all together", d.Installed.MaxUnavailable),
		"mend these nodes first; addonctl nodes shows them")
}

func underWay(d decision) bool {
	s := d.Record.Last().Status
	return s == PendingInstall || s == PendingUpgrade
}

func waiting(t noderoll.Truth) string {
	var out []string
	for _, w := range t.Waiting {
		out = append(out, fmt.Sprintf("%s (%s)", w.Node, w.Why))
	}
	return few(out)
}

func nodesReady(d decision) []Finding {
	var out []string
	for _, n := range d.Nodes {
		// Before the first CNI no node is Ready: that is what installing one is for.
		if n.Exempt == "" && !n.Ready && d.Installed.Present {
			out = append(out, n.Name)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return note(NodesNotReady, fmt.Sprintf("%s not Ready and cannot be waited for: %s", count(len(out), "node is", "nodes are"), few(out)),
		"mend or remove these nodes, or the move will not finish in time")
}

func ownRights(d decision) []Finding {
	if len(d.Change.MissingRights) == 0 {
		return nil
	}
	return block(MissingRight, "your user may not: "+strings.Join(d.Change.MissingRights, "; "),
		"ask for these rights, or use another context")
}

func dryRun(d decision) []Finding {
	var out []Finding
	for _, o := range d.Change.Objects {
		switch o.Action {
		case Refused:
			out = append(out, block(ObjectRefused, fmt.Sprintf("the API server refuses %s: %s", o.Object, o.Message), "")...)
		case Conflict:
			out = append(out, block(FieldConflict, fmt.Sprintf("somebody else owns fields of %s: %s", o.Object, o.Message),
				"take the other manager's change back, then run this again")...)
		case NotOurs:
			out = append(out, block(ObjectNotOurs, fmt.Sprintf("%s exists and is not managed by addonctl: %s", o.Object, o.Message),
				"this release cannot adopt yet; it was left alone")...)
		default: // what goes through has nothing to say
		}
	}
	return out
}

// few lists at most five items and says how many more there are.
func few(items []string) string {
	const most = 5
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
