package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// needless says why an order would change nothing, with the orders in mind that were given and not carried out yet; empty when it would change
// something. An error refuses it.
func needless(r v1alpha1.AddonRollout, o v1alpha1.Order, now time.Time) (string, error) {
	record, _, _ := status.Obey(status.RolloutRecord(r.Spec, r.Status), r.Spec.Orders, r.Status.Obeyed, now)
	if err := nameable(record, r.Name, o); err != nil {
		return "", err
	}
	if why := status.TooLate(record, o.Verb); why != "" {
		return "", &exit{code: exitRefused, err: fmt.Errorf("refused: %s %s: %s", o.Verb, r.Name, why), hint: "addonctl rollout status " + r.Name}
	}
	if why := stands(record, o); why != "" {
		return why, nil
	}
	if len(r.Spec.Orders) >= v1alpha1.MaxOrders {
		return "", &exit{
			code: exitRefused, err: fmt.Errorf("refused: rollout %s was given %d orders, and takes no more", r.Name, len(r.Spec.Orders)),
			hint: "delete it (kubectl delete addonrollout " + r.Name + "): the manager opens it anew where its policy still wants it",
		}
	}
	return "", nil
}

// nameable refuses a wave and clusters that the rollout does not have, and says which there are.
func nameable(r rollout.Record, name string, o v1alpha1.Order) error {
	if o.Verb == status.Approve && !slices.ContainsFunc(r.Waves, func(w rollout.WaveRecord) bool { return w.Name == o.Wave }) {
		var names []string
		for _, w := range r.Waves {
			names = append(names, w.Name)
		}
		return usage("its waves are: "+orNobody(names), "rollout %s has no wave %q", name, o.Wave)
	}
	var failed []string
	for _, m := range r.Members {
		if m.State == rollout.Failed {
			failed = append(failed, m.Cluster)
		}
	}
	for _, c := range o.Clusters {
		at := slices.IndexFunc(r.Members, func(m rollout.Member) bool { return m.Cluster == c })
		if at < 0 {
			return usage("those that failed: "+orNobody(failed), "rollout %s has no cluster %q", name, c)
		}
		if m := r.Members[at]; m.State != rollout.Failed && !again(m) {
			return usage("those that failed: "+orNobody(failed), "cluster %s of rollout %s is %s, and did not fail", c, name, m.State)
		}
	}
	return nil
}

// again tells whether a cluster has another turn already.
func again(m rollout.Member) bool {
	return m.State == rollout.Pending && m.Tries > 0 || m.State == rollout.Running && m.Tries > 1
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return someOf(names)
}

// stands says that what an order wants stands already; empty when it does not. Its wave and its clusters are there.
func stands(r rollout.Record, o v1alpha1.Order) string {
	switch o.Verb {
	case status.Approve:
		return waveBegun(r.Waves[slices.IndexFunc(r.Waves, func(w rollout.WaveRecord) bool { return w.Name == o.Wave })])
	case status.Pause:
		return already("paused", r.Paused)
	case status.Abort:
		return already("aborted", r.Aborted)
	case status.Undo:
		return already("taken back", r.Undone)
	case status.Resume:
		unforgiven := func(m rollout.Member) bool { return m.State == rollout.Failed && !m.Forgiven }
		if r.Paused == "" && !slices.ContainsFunc(r.Members, unforgiven) {
			return "it is not paused, and nothing failed that is not forgiven"
		}
		return ""
	default:
		return triedAgain(r, o.Clusters)
	}
}

func already(what, by string) string {
	if by == "" {
		return ""
	}
	return fmt.Sprintf("it is %s already, by %s", what, by)
}

// waveBegun says that a wave needs no approval any more.
func waveBegun(w rollout.WaveRecord) string {
	switch {
	case w.Approved != "":
		return fmt.Sprintf("wave %s is approved already, by %s", w.Name, w.Approved)
	case !w.Started.IsZero():
		return fmt.Sprintf("wave %s has begun already, %s", w.Name, stamp(w.Started))
	default:
		return ""
	}
}

// triedAgain says that clusters have another turn already; all that failed where none is named.
func triedAgain(r rollout.Record, clusters []string) string {
	failed := func(m rollout.Member) bool {
		return m.State == rollout.Failed && (len(clusters) == 0 || slices.Contains(clusters, m.Cluster))
	}
	switch {
	case slices.ContainsFunc(r.Members, failed):
		return ""
	case len(clusters) > 0:
		return "they are tried again already: " + someOf(clusters)
	default:
		return "no cluster is there that failed"
	}
}
