package helm

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// A webhook whose side effects are Some or Unknown cannot be asked in a dry run. That API servers of today take no such webhook any
// more, and keep those that are stored: so the sentence of a server stands in for one here.
func TestAWebhookThatTakesNoDryRunRefusesNothing(t *testing.T) {
	t.Parallel()
	says := apierrors.NewBadRequest(`admission webhook "auditor.example.org" does not support dry run`)
	c, err := judge(attempt{}, says, kube.How{DryRun: true})
	if err != nil || c.Action != plan.Unchecked || c.Message != says.Error() || stops(c) {
		t.Errorf("in a dry run: %+v, %v", c, err)
	}
	// The negative controls: another refusal of the same kind, and the same words to a write.
	if c, err := judge(attempt{}, apierrors.NewBadRequest("no"), kube.How{DryRun: true}); err != nil || c.Action != plan.Refused || !stops(c) {
		t.Errorf("another refusal: %+v, %v", c, err)
	}
	if c, err := judge(attempt{}, says, kube.How{}); err != nil || c.Action != plan.Refused {
		t.Errorf("a write: %+v, %v", c, err)
	}
	if _, err := judge(attempt{}, errors.New("broken"), kube.How{}); err == nil {
		t.Error("what is no answer of a server is no error")
	}
}

// What must be the release's is not left to somebody else, and the rest is.
func TestWhatMakesTheReleaseIsVital(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"spec.template.spec.containers[kube-flannel].image":           true,
		"spec.template.spec.initContainers[install-cni].image":        true,
		"spec.template.spec.volumes[flannel-cfg].configMap.name":      true,
		"spec.template.spec.serviceAccountName":                       true,
		"roleRef":                                                     true,
		"subjects":                                                    true,
		"spec.selector":                                               true,
		"metadata.annotations[addonctl.io/render]":                    true,
		"metadata.labels[app.kubernetes.io/managed-by]":               true,
		"metadata.labels[team]":                                       false,
		"spec.template.spec.tolerations":                              false,
		"spec.template.spec.containers[kube-flannel].imagePullPolicy": false,
		"data[net-conf.json]":                                         false,
	} {
		if got := needed.MatchString(path); got != want {
			t.Errorf("%s: vital %v, want %v", path, got, want)
		}
	}
}

func TestAnExclusionCoversAFieldAndWhatIsBelow(t *testing.T) {
	t.Parallel()
	const object = "DaemonSet kube-flannel-ds"
	for text, want := range map[string]map[string]bool{
		object + ":spec.template.spec.tolerations": {"spec.template.spec.tolerations": true, "spec.template.spec.tolerations[0].key": true, "spec.template.spec.tolerationsX": false, "": false},
		object + ":.spec":                          {"spec.template.x": true, "metadata.labels[a]": false},
		object:                                     {"": true, "spec.x": true},
		"DaemonSet *:metadata":                     {"metadata.labels[a]": true, "": false},
		"ClusterRole system:x:rules":               {"rules": false},
		"DaemonSet other:spec":                     {"spec": false},
	} {
		e, err := ParseExclusion(text)
		if err != nil {
			t.Fatal(err)
		}
		for path, covers := range want {
			if got := e.covers(object, path); got != covers {
				t.Errorf("%q covers %q: %v, want %v", text, path, got, covers)
			}
		}
	}
	for _, bad := range []string{"", "spec.template", "DaemonSet [:spec"} {
		if e, err := ParseExclusion(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, e)
		}
	}
}
