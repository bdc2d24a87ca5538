package plan

import "fmt"

// The statuses of a release that Helm's tools took away, with its history kept, or are taking away.
const (
	uninstalled  Status = "uninstalled"
	uninstalling Status = "uninstalling"
)

// pending tells whether an operation on a revision was begun and has not ended.
func (r Revision) pending() bool {
	return r.Status == PendingInstall || r.Status == PendingUpgrade || r.Status == "pending-rollback"
}

// changedByHelm tells that the newest revision is somebody else's. Older ones of theirs are history.
func changedByHelm(d decision) []Finding {
	last := d.Record.Last()
	if last.By == "" {
		return nil
	}
	fix := fmt.Sprintf("addonctl drift shows what it changed; addonctl update brings the recorded wish back, with --conflicts overwrite over fields that %s has now", last.By)
	switch {
	case d.Installed.Present && !d.Installed.Ours:
		fix = "our marks are gone from the objects with it: addonctl adopt takes them back"
	case last.pending():
		fix = fmt.Sprintf("see that %s is not at work any more; addonctl update gives its revision up and goes on", last.By)
	}
	release := "the release"
	if last.Version != "" {
		release += ", of " + last.Version + ","
	}
	ours := "none is ours"
	for _, r := range d.Record.Revisions {
		if r.By == "" {
			ours = fmt.Sprintf("the newest of ours is %d, of %s", r.Number, r.Version)
		}
	}
	return note(ChangedByHelm, fmt.Sprintf("revision %d of %s was written by %s at %s and is %s (%s); %s",
		last.Number, release, last.By, last.Updated.UTC().Format("2006-01-02 15:04 UTC"), last.Status, last.Description, ours), fix)
}

// differs tells whether the release that is live would be written with another template than it has.
func (d decision) differs() bool {
	c := d.Change
	return d.Request.Verb != Follow && same(c.Version, d.Installed.Version) && c.Digest != "" && d.Installed.Digest != "" && c.Digest != d.Installed.Digest &&
		d.Request.Settings.IsZero()
}

// revisionsLost tells that what is live is ours and is not recorded any more. Our objects outlive a `helm uninstall`.
func revisionsLost(d decision) []Finding {
	last := d.Record.Last()
	name := fmt.Sprintf("%s %s", d.addOn.Name, d.Installed.Version)
	const fix = "addonctl update records it again; pods of the same release are not restarted"
	switch {
	case !d.Installed.Ours || d.addOn.Name == "":
		return nil
	case len(d.Record.Revisions) == 0 && d.differs():
		return block(RevisionsLost, fmt.Sprintf("%s is live, its release is not recorded any more, and its manifests are not those of a release as we would write it: every agent would be "+
			"restarted by writing them", name), "addonctl adopt records what is live, as it is")
	case len(d.Record.Revisions) == 0:
		return note(RevisionsLost, fmt.Sprintf("%s is live and its release is not recorded any more: somebody ran helm uninstall, or deleted the release Secrets", name), fix)
	case last.Status == uninstalled || last.Status == uninstalling:
		return note(RevisionsLost, fmt.Sprintf("%s is live and revision %d says that it is %s: somebody ran helm uninstall", name, last.Number, last.Status), fix)
	}
	return nil
}
