package plan

// guarded tells where nothing keeps a mistake from deleting the CNI.
func guarded(d decision) []Finding {
	g := d.Cluster.Guard
	switch {
	case !d.Installed.Ours:
		return nil
	case g.Unsupported:
		return note(GuardUnsupported, "Kubernetes before 1.30 knows no admission policies: nothing keeps somebody from deleting the CNI by mistake",
			"be careful with kubectl delete until the cluster is newer")
	case g.Unknown:
		return note(GuardUnknown, "whether the guard of the CNI's objects is in place is not known: your user may not list admission policies and their bindings",
			"ask for these rights (docs/rights.md): a guard that nobody sees missing is not restored")
	case len(g.Wrong) > 0:
		return note(GuardMissing, "the guard of the CNI's objects is not in place: "+few(g.Wrong), "addonctl drift --fix restores it, as does every move, first")
	}
	return nil
}
