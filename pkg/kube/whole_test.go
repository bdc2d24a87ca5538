package kube_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// Calls that change nothing are made once more when their answer is torn or does not come. Without that, one torn read ends a whole
// update with exit 9. Writes are made once, whatever becomes of the answer: they may have been carried out.
func TestATornAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	c := testkube.Start(t, testkube.Options{})
	p := c.Proxy(t)
	config, err := clientcmd.BuildConfigFromFlags("", p.KubeconfigPath())
	if err != nil {
		t.Fatal(err)
	}
	k, err := kube.New(config)
	if err != nil {
		t.Fatal(err)
	}
	list := func() error {
		_, err := k.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).List(t.Context(), metav1.ListOptions{})
		return err
	}
	review := func(verb string) func() error { // what is known is not asked again
		return func() error {
			_, err := k.Missing(t.Context(), []kube.Right{{Verb: verb, Resource: "configmaps", Namespace: metav1.NamespaceSystem}})
			return err
		}
	}
	write := func(how kube.How) func() error {
		return func() error {
			_, err := k.Write(t.Context(), configMap("torn", map[string]string{"a": "b"}), nil, how)
			return err
		}
	}
	for _, tc := range []struct {
		name  string
		do    func() error
		fault testkube.Fault
		spoil int // calls, from the first
		calls int
		fails bool
	}{
		{name: "a read, torn twice", do: list, fault: testkube.Tear, spoil: 2, calls: 3},
		{name: "a dry run, torn without end", do: write(kube.How{DryRun: true}), fault: testkube.Tear, spoil: 100, calls: 3, fails: true},
		{name: "a review, torn", do: review("get"), fault: testkube.Tear, spoil: 1, calls: 2},
		{name: "a review, cut", do: review("list"), fault: testkube.Cut, spoil: 2, calls: 3},
		{name: "a dry run, torn", do: write(kube.How{DryRun: true}), fault: testkube.Tear, spoil: 1, calls: 2},
		{name: "a write, torn", do: write(kube.How{}), fault: testkube.Tear, spoil: 1, calls: 1, fails: true},
		{name: "a write, cut", do: write(kube.How{}), fault: testkube.Cut, spoil: 1, calls: 1, fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p.Plan(func(n int, _ testkube.Passed) testkube.Fault {
				if n > tc.spoil {
					return nil
				}
				return tc.fault
			})
			if err := tc.do(); (err != nil) != tc.fails {
				t.Errorf("error: %v", err)
			}
			if calls := p.Calls(); len(calls) != tc.calls {
				t.Errorf("%d calls, want %d: %v", len(calls), tc.calls, calls)
			}
		})
	}
}
