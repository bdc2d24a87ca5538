package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// knock is a visit to a cluster that did not answer the last time.
type knock struct {
	// record and generation of the cluster's record by which it is reached.
	record     types.UID
	generation int64
	// answered is true when site and err are what came of it.
	answered bool
	site     Site
	err      error
}

// knocking is how many clusters that do not answer are asked at once, for each worker: one that takes connections and says nothing is asked for as
// long as a call may take, and there may be many.
const knocking = 10

// reach connects to a cluster. One that did not answer the last time is asked beside the workers: answered is false until it is over, and the
// cluster is woken then.
func (r *Clusters) reach(ctx, life context.Context, c *v1alpha1.ClusterNetwork) (site Site, answered bool, err error) {
	if c.Status.Away == nil {
		site, err = r.Sites.Reach(ctx, c)
		return site, true, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.knocks[c.Name]
	if k != nil && !k.answered {
		return nil, false, nil
	}
	delete(r.knocks, c.Name)
	if k != nil && k.record == c.UID && k.generation == c.Generation {
		return k.site, true, k.err
	}
	k = &knock{record: c.UID, generation: c.Generation}
	r.knocks[c.Name] = k
	go r.ask(life, c, k)
	return nil, false, nil
}

// ask carries a knock out, when there is room for it.
func (r *Clusters) ask(life context.Context, c *v1alpha1.ClusterNetwork, k *knock) {
	select {
	case <-life.Done():
		return
	case r.room <- struct{}{}:
	}
	site, err := r.Sites.Reach(life, c)
	<-r.room
	r.mu.Lock()
	k.site, k.err, k.answered = site, err, true
	r.mu.Unlock()
	r.wake(life, c.Name)
}
