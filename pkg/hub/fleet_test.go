package hub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// A fleet's records are read in pages, and people's orders and recalls all come through, each once, while a manager keeps the status.
func TestAFleetsRecordsOnARealAPIServer(t *testing.T) {
	t.Parallel()
	k := client(t, testkube.Start(t, testkube.Options{}))
	h := hub.New(k)
	for name, count := range map[string]func() (int, error){
		"clusters": func() (int, error) { l, err := h.Clusters(t.Context(), ""); return len(l), err },
		"add-ons":  func() (int, error) { l, err := h.AllAddons(t.Context()); return len(l), err },
		"rollouts": func() (int, error) { l, err := h.Rollouts(t.Context()); return len(l), err },
	} {
		if n, err := count(); n != 0 || err != nil {
			t.Errorf("before our definitions are there: %d %s (%v)", n, name, err)
		}
	}
	if err := h.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Order(t.Context(), "none", nil); !errors.Is(err, hub.ErrNotRecorded) {
		t.Errorf("ordering what is not there: %v", err)
	}
	if err := create(t.Context(), k, v1alpha1.AddonRollouts, "AddonRollout", "r", `{policy: fleet, addon: Flannel, version: 0.27.3}`); err != nil {
		t.Fatal(err)
	}
	if err := create(t.Context(), k, v1alpha1.AddonCatalogs, "AddonCatalog", v1alpha1.CatalogName, `{directory: /catalog}`); err != nil {
		t.Fatal(err)
	}
	t.Run("orders and recalls in a crowd", func(t *testing.T) { crowd(t, h, k) })
	t.Run("more than a page", func(t *testing.T) { paged(t, h) })
}

// crowd lets many people order and recall, while the status is written without a pause.
func crowd(t *testing.T, h *hub.Hub, k *kube.Client) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var manager, people sync.WaitGroup
	manager.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			status := fmt.Appendf(nil, `{"status":{"why":"look %d","clusters":0,"running":0,"done":0,"failed":0,"unreachable":0}}`, n)
			_, _ = k.Dynamic.Resource(v1alpha1.AddonRollouts).Patch(ctx, "r", types.MergePatchType, status, metav1.PatchOptions{}, "status")
		}
	})
	const persons, each = 3, 4
	numbers := make([][]int32, persons)
	for p := range persons {
		people.Go(func() {
			for i := range each {
				o, err := h.Order(t.Context(), "r", func(v1alpha1.AddonRollout) (*v1alpha1.Order, error) {
					return &v1alpha1.Order{Verb: "pause", By: fmt.Sprint("person ", p)}, nil
				})
				if err != nil {
					t.Errorf("order %d of person %d: %v", i, p, err)
					return
				}
				numbers[p] = append(numbers[p], o.Number)
				if err := h.ChangeRecalls(t.Context(), func(now []v1alpha1.Recall) ([]v1alpha1.Recall, bool) {
					return append(slices.Clone(now), v1alpha1.Recall{Addon: "Flannel", Version: fmt.Sprintf("%d.%d.0", p, i), Reason: "x"}), true
				}); err != nil {
					t.Errorf("recall %d of person %d: %v", i, p, err)
				}
			}
		})
	}
	people.Wait()
	stop()
	manager.Wait()
	all := slices.Sorted(slices.Values(slices.Concat(numbers...)))
	if len(all) != persons*each || all[0] != 1 || all[len(all)-1] != persons*each || len(slices.Compact(all)) != persons*each {
		t.Errorf("numbers: %v", numbers)
	}
	c, err := h.Catalog(t.Context())
	if err != nil || len(c.Spec.Recalls) != persons*each || c.Spec.BuiltIn {
		t.Errorf("recalls: %+v (%v)", c, err)
	}
	// An order that is not wanted any more, and one that is refused, write nothing.
	no := errors.New("no")
	if _, err := h.Order(t.Context(), "r", func(v1alpha1.AddonRollout) (*v1alpha1.Order, error) { return nil, no }); !errors.Is(err, no) {
		t.Errorf("refused: %v", err)
	}
	if o, err := h.Order(t.Context(), "r", func(v1alpha1.AddonRollout) (*v1alpha1.Order, error) { return nil, nil }); o != nil || err != nil {
		t.Errorf("not wanted: %+v, %v", o, err)
	}
	r, err := h.Rollout(t.Context(), "r")
	if err != nil || len(r.Spec.Orders) != persons*each {
		t.Errorf("orders: %+v (%v)", r, err)
	}
}

// paged registers more clusters than a page holds.
func paged(t *testing.T, h *hub.Hub) {
	t.Helper()
	const many = 501
	work := make(chan int)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := range work {
				c := &v1alpha1.ClusterNetwork{
					ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("c-%03d", i), Labels: map[string]string{"odd": fmt.Sprint(i%2 == 1)}},
					Spec:       v1alpha1.ClusterNetworkSpec{NetworkType: v1alpha1.FlannelOverlay},
				}
				if err := h.SaveCluster(t.Context(), c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range many {
		work <- i
	}
	close(work)
	workers.Wait()
	for selector, want := range map[string]int{"": many, "odd=true": many / 2, "odd in (maybe)": 0} {
		all, err := h.Clusters(t.Context(), selector)
		if err != nil || len(all) != want {
			t.Errorf("%q: %d clusters, want %d (%v)", selector, len(all), want, err)
		}
		if !slices.IsSortedFunc(all, func(a, b v1alpha1.ClusterNetwork) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("%q: not in order of names", selector)
		}
	}
}
