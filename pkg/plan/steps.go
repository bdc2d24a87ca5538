package plan

import (
	"fmt"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// steps orders what is left to do. Each is skipped when observation shows that it has been done, so that a plan made
// after a crash at any point is the rest of the plan made before it.
func steps(d decision, truth noderoll.Truth) []Step {
	if d.target.Version.IsZero() || d.Change.Version == "" {
		return nil
	}
	applied := isApplied(d)
	revision := nextRevision(d)
	var out []Step
	add := func(kind StepKind, format string, args ...any) {
		out = append(out, Step{
			Kind: kind, AddOn: d.addOn.Name, Version: d.target.Version.String(),
			Revision: revision, Digest: d.Change.Digest, Text: fmt.Sprintf(format, args...),
		})
	}
	if !applied {
		add(Apply, "%s", applyText(d))
	}
	if !applied || !d.Installed.Observed || !truth.Done() {
		add(AwaitNodes, "wait until %s runs, Ready, on every node that should run it", d.target.Version)
	}
	if !applied || d.Record.Last().Status != Deployed {
		add(Settle, "take back what only the old release needed, record revision %d as deployed", revision)
	}
	return out
}

// isApplied tells whether every object of the target has been written: the workload comes last and carries the digest
// of the render that it was written from, and the newest recorded revision is of the same render.
func isApplied(d decision) bool {
	return d.Installed.Ours && d.Installed.Digest == d.Change.Digest &&
		d.Record.Last().Digest == d.Change.Digest && d.Record.Last().Status != Failed &&
		len(d.Change.Missing) == 0 && same(d.Installed.Version, d.target.Version.String())
}

// nextRevision resumes a pending revision of the same render, and otherwise starts a new one.
func nextRevision(d decision) int {
	last := d.Record.Last()
	pending := last.Status == PendingInstall || last.Status == PendingUpgrade
	if last.Digest == d.Change.Digest && (pending || isApplied(d)) {
		return last.Number
	}
	return last.Number + 1
}

func applyText(d decision) string {
	to := d.target.Version.String()
	switch {
	case !d.Installed.Present:
		return fmt.Sprintf("write the objects of %s %s, its DaemonSet last", d.addOn.Name, to)
	case parse(d.Installed.Version).Equal(d.target.Version):
		return fmt.Sprintf("write the objects of %s %s again: they are not complete, or differ from the release", d.addOn.Name, to)
	default:
		return fmt.Sprintf("write the objects of %s %s over %s, its DaemonSet last", d.addOn.Name, to, d.Installed.Version)
	}
}
