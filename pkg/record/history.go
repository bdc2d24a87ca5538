package record

import (
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// surplus are the oldest releases beyond a number of them, of releases in order; 0 means no bound. Deployed and kept ones are
// none, and are counted.
func surplus(rs []stored, history int, kept []int) []stored {
	if history <= 0 {
		return nil
	}
	var out []stored
	for _, r := range rs {
		if len(rs)-len(out) <= history {
			break
		}
		deployed := r.Info != nil && r.Info.Status == release.StatusDeployed
		if !deployed && !slices.Contains(kept, r.Version) {
			out = append(out, r)
		}
	}
	return out
}

// forget deletes releases, oldest first, so that a crash in between leaves a history without gaps. A Secret that somebody
// changed or took away since it was read is left to the next time; so is one that our user may not delete: what was recorded
// as deployed is deployed.
func (x *session) forget(rs []stored) error {
	for _, r := range rs {
		uid, version := r.secret.UID, x.bound.read[r.secret.Name]
		err := x.bound.Delete(x.bound.ctx, r.secret.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
		if apierrors.IsForbidden(err) {
			return nil
		}
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("deleting revision %d, which is older than the %d that are kept: %w", r.Version, x.store.History, err)
		}
	}
	return nil
}
