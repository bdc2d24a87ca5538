package plan

import (
	"fmt"
	"strings"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// oldPodsAvailable : the DaemonSet controller puts every old pod that is not available on its delete list, whatever
// maxUnavailable says, so a node-wide problem would turn an update into replacing the whole fleet at once (facts: CNI
// B8). The way back, and going on with a roll in whose middle the cluster is, are the way out and are not blocked; and under
// OnDelete nothing is replaced by itself.
func oldPodsAvailable(d decision) []Finding {
	if !d.Installed.Present || d.Change.Version == "" || d.Installed.Digest == d.Change.Digest {
		return nil
	}
	t := noderoll.Sum(d.Nodes, d.Installed.Newest)
	if t.Unavailable == 0 {
		return nil
	}
	message := fmt.Sprintf("%s without an available pod of %s %s: %s",
		count(t.Unavailable, "node is", "nodes are"), d.addOn.Name, d.Installed.Version, waiting(t))
	if t.Unavailable <= d.Installed.MaxUnavailable || d.onDelete() || d.wayOut(t) {
		return note(OldPodsUnavailable, message, "addonctl nodes shows them")
	}
	return block(OldPodsUnavailable, message+fmt.Sprintf("; a rolling update (at most %d at once) would replace them all together", d.Installed.MaxUnavailable),
		"mend these nodes first (addonctl nodes shows them), or go back to an older release")
}

// wayOut tells whether the target is older than what is live, or nodes are in the middle of a roll that is not settled.
func (d decision) wayOut(t noderoll.Truth) bool {
	if d.target.Version.Less(parse(d.Installed.Version)) {
		return true
	}
	s := d.Record.Last().Status
	return (s == PendingInstall || s == PendingUpgrade) && t.Updated < t.Total
}

func waiting(t noderoll.Truth) string {
	var out []string
	for _, w := range t.Waiting {
		if w.State == noderoll.Outdated {
			continue // it works, only with the release before
		}
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
	return block(MissingRight, "whoever is to write, addonctl's own account or else your user, may not: "+strings.Join(d.Change.MissingRights, "; "),
		"ask for these rights, or use another context; an administrator's next command gives the account its own")
}

// dryRun tells what the API server said to each object.
func dryRun(d decision) []Finding {
	var out []Finding
	for _, o := range d.Change.Objects {
		switch o.Action {
		case Refused:
			out = append(out, block(ObjectRefused, fmt.Sprintf("the API server refuses %s: %s", o.Object, o.Message), o.mend(d.addOn.Name))...)
		case NotServed:
			out = append(out, block(APINotServed, fmt.Sprintf("the API server does not serve %s: %s", o.Object, o.Message),
				"take a release for this Kubernetes (addonctl versions), or install what serves it first")...)
		case Unchecked:
			out = append(out, note(WebhookNoDryRun, fmt.Sprintf("%s could not be tried: %s", o.Object, o.Message),
				"whether it is admitted shows only when it is written; a webhook with sideEffects None can be asked before")...)
		case Conflict:
			out = append(out, block(FieldConflict, fmt.Sprintf("somebody else owns fields of %s: %s", o.Object, o.Message),
				"take the other manager's change back, then run this again; --conflicts overwrite takes the fields, --conflicts preserve leaves them")...)
		case NotOurs:
			out = append(out, block(ObjectNotOurs, fmt.Sprintf("%s exists and is not managed by addonctl: %s", o.Object, o.Message),
				"addonctl adopt takes an add-on over as it is; otherwise remove or rename the object")...)
		default: // what goes through says what becomes of others' fields alone
		}
		out = append(out, o.others()...)
	}
	return out
}

// others are the findings about fields that somebody else set and that do not stop the write.
func (o ObjectChange) others() []Finding {
	var out []Finding
	if fields := o.fated(Take); len(fields) > 0 {
		out = append(out, note(FieldsTaken, fmt.Sprintf("fields of %s are taken from their owners: %s", o.Object, fewOf(fields)),
			"tell whoever set them, or they are set again; --conflicts preserve leaves them")...)
	}
	if fields := o.fated(Keep); len(fields) > 0 {
		out = append(out, note(FieldsKept, fmt.Sprintf("fields of %s stay their owners': %s", o.Object, fewOf(fields)),
			"--conflicts overwrite takes them")...)
	}
	if fields := o.fated(Undo); len(fields) > 0 {
		out = append(out, note(OperatorEdit, fmt.Sprintf("%s was changed since it was written, and this sets back: %s", o.Object, fewOf(fields)),
			"keep what shall stay in --values or --overlay")...)
	}
	return out
}

// mend says what to do about a refused object.
func (o ObjectChange) mend(addOn string) string {
	switch {
	case o.Overlay:
		return "the overlay makes the object like this: --overlay DIR replaces the overlay, '' takes it away"
	case strings.Contains(o.Message, "immutable") || strings.Contains(o.Message, "cannot change roleRef"):
		return "nothing was written: the API server lets nobody change this of a live object, and addonctl deletes none to make it anew; " +
			"keep the old value, by a value of the chart or an overlay"
	default:
		return "nothing was written; addonctl render shows the objects of " + addOn + ", and whoever made the rule that refuses one can admit it"
	}
}

// fewOf is few with what may hold commas.
func fewOf(items []string) string {
	const most = 5
	if len(items) <= most {
		return strings.Join(items, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(items[:most], "; "), len(items)-most)
}

// complete names what is not as the recorded release has it, where the plan is to write that same release again.
func complete(d decision) []Finding {
	last := d.Record.Last()
	if !d.Installed.Ours || d.Change.Version == "" || last.Status != Deployed || !same(last.Version, d.Change.Version) {
		return nil
	}
	var out []Finding
	if len(d.Change.Missing) > 0 {
		out = note(ObjectsMissing, fmt.Sprintf("missing on the cluster: %s", strings.Join(d.Change.Missing, ", ")), "addonctl update writes them again")
	}
	if !same(last.Version, d.Installed.Version) {
		out = append(out, note(LiveDiffers, fmt.Sprintf("the live template is of %s, the recorded release is %s: somebody changed it",
			d.Installed.Version, last.Version), "addonctl plan shows who owns the fields")...)
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
