package e2e

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// Three managers share a fleet: one for each half drives, and one decides for both. A half whose manager has ended waits for it, and the other goes
// on. It would catch a manager that drives what its selector does not take, two that decide, and a fleet that stops with one of its shards.
func TestManagersShareAFleet(t *testing.T) {
	f := &fleet{}
	f.start(t, testkube.Options{}, map[string]testkube.Options{"north": {Nodes: 1}, "south": {Nodes: 1}})
	directory := f.without(t, "0.27.3")
	all := intstr.FromString("100%")
	f.create(t, &v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "fleet"}, Spec: v1alpha1.UpdatePolicySpec{MaxConcurrent: &all, Soak: &metav1.Duration{}}})
	f.create(t, &v1alpha1.AddonCatalog{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.CatalogName}, Spec: v1alpha1.AddonCatalogSpec{Directory: directory}})
	start := func(shard string, more ...string) *manager {
		return startManager(t, managerProgram(t, "a"), f.hub.KubeconfigPath(), f.catalog, append(more, "--shard", shard, "--gather", "2s")...)
	}
	start("north", "--selector", "name=north")
	south := start("south", "--selector", "name=south")
	start("decides", "--drive=false")

	f.arrives(t, "north", "0.26.2")
	f.arrives(t, "south", "0.26.2")
	f.publish(t, directory, "0.27.3")
	for name := range f.members {
		f.arrives(t, name, "0.27.3")
		if c, err := f.network(t.Context(), name); err != nil || c.Status.Manager != managers+"/addon-manager-"+name {
			t.Errorf("%s is driven by %q, %v", name, c.Status.Manager, err)
		}
	}
	// One shard may tell after the other that it wants the release, and then joins late.
	testkube.Eventually(t, long, func(context.Context) error {
		if s := f.rollout(t, "fleet-flannel-0.27.3", "Finished").Status; s.Done != 2 || s.Manager != managers+"/addon-manager-decides" {
			return fmt.Errorf("finished: %+v", s)
		}
		return nil
	})

	south.signal(t, syscall.SIGTERM)
	<-south.ended
	f.publish(t, directory, "0.27.4")
	f.arrives(t, "north", "0.27.4")
	f.arrives(t, "south", "0.27.3")
	if list := f.ctl(t, "cluster", "list"); !strings.Contains(list.out, "addon-manager-south (silent for ") || strings.Contains(list.out, "addon-manager-north (silent") {
		t.Errorf("want that south alone is silent, got %v", list)
	}
	// Who decides is at work, though one of those that drive is not.
	if r := f.ctl(t, "rollout", "status", "fleet-flannel-0.27.4"); strings.Contains(r.out+r.err, "nobody decides") {
		t.Errorf("somebody decides, got %v", r)
	}
	start("south", "--selector", "name=south")
	f.arrives(t, "south", "0.27.4") // it had not told that it wants the release, and joins late
	f.rollout(t, "fleet-flannel-0.27.4", "Finished")
}
