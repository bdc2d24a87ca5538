package drive_test

import (
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/drive"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// An API server that fails to say who its user is, twice, costs a pin nothing of who pinned. It would catch a pin that is recorded as nobody's for one
// failed call.
func TestWhoPinsIsAskedAgain(t *testing.T) {
	t.Parallel()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	server := testkube.Start(t, testkube.Options{})
	p := server.Proxy(t)
	asked := 0
	p.Plan(func(_ int, call testkube.Passed) testkube.Fault {
		if !strings.HasSuffix(call.Path, "/selfsubjectreviews") && !strings.Contains(call.Path, "/selfsubjectreviews?") {
			return nil
		}
		if asked++; asked > 2 {
			return nil
		}
		return testkube.Instead(http.StatusInternalServerError, metav1.StatusReasonInternalError, 0)
	})
	cfg, err := clientcmd.BuildConfigFromFlags("", p.KubeconfigPath())
	if err != nil {
		t.Fatal(err)
	}
	k, err := kube.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	seat := drive.New(drive.Place{Cluster: v1alpha1.InCluster, Target: k, Hub: k, Catalog: c, By: "test"})
	w := hub.Wish{
		Cluster: v1alpha1.InCluster, NetworkType: v1alpha1.FlannelOverlay, UID: "uid",
		Desired: plan.Desired{AddOn: "Flannel", Version: "0.26.2", Pin: plan.Pin{Reason: "a test"}},
	}
	if err := seat.Save(t.Context(), plan.Request{Verb: plan.SetPin}, w); err != nil {
		t.Fatal(err)
	}
	a, err := seat.Hub.Addon(t.Context(), v1alpha1.InCluster, "Flannel")
	if err != nil || a == nil || a.Spec.Pin == nil || a.Spec.Pin.By != "addonctl-sandbox-admin" || a.Spec.Pin.At == nil {
		t.Errorf("%v, the pin is %+v", err, a)
	}
	if asked != 3 {
		t.Errorf("it was asked %d times, want 3", asked)
	}
}
