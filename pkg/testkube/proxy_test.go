package testkube_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// A proxy counts calls and spoils the one it was told to; a state that was saved comes back with its UIDs; the history has every
// revision in between.
func TestAProxyAndAStateThatComesBack(t *testing.T) {
	c := testkube.Start(t, testkube.Options{})
	p := c.Proxy(t)
	config, err := clientcmd.BuildConfigFromFlags("", p.KubeconfigPath())
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	maps := client.CoreV1().ConfigMaps(metav1.NamespaceDefault)
	create := func(name string) error {
		_, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		return err
	}
	if err := create("kept"); err != nil {
		t.Fatal(err)
	}
	kept, err := maps.Get(t.Context(), "kept", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	state := c.Save(t)

	done := 0
	p.Plan(testkube.At(map[int]testkube.Fault{
		2: testkube.Instead(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, 0),
		3: testkube.CutAfter(func() { done++ }),
		5: testkube.Instead(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, time.Second),
	}))
	if err := create("first"); err != nil {
		t.Error(err)
	}
	if err := create("refused"); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("the second call: %v", err)
	}
	if err := create("unanswered"); err == nil || done != 1 {
		t.Errorf("the third call was answered: %v", err)
	}
	if err := maps.Delete(t.Context(), "kept", metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := maps.Get(t.Context(), "unanswered", metav1.GetOptions{}); err != nil {
		t.Errorf("what was not answered was not done: %v", err)
	}
	var calls []string
	for _, call := range p.Calls() {
		calls = append(calls, call.Method)
	}
	if diff := cmp.Diff([]string{"POST", "POST", "POST", "DELETE", "GET", "GET"}, calls); diff != "" {
		t.Errorf("the 429 is asked again by the client itself: %s", diff)
	}

	var seen []string
	for _, e := range c.Since(t, state) {
		if name, ok := strings.CutPrefix(e.Key, "/registry/configmaps/default/"); ok {
			seen = append(seen, name)
		}
	}
	if diff := cmp.Diff([]string{"first", "unanswered", "kept"}, seen); diff != "" {
		t.Error(diff)
	}
	c.Restore(t, state)
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		now, err := maps.Get(ctx, "kept", metav1.GetOptions{})
		if err == nil && now.UID != kept.UID {
			t.Errorf("it came back as another: %s", now.UID)
		}
		return err
	})
	if _, err := maps.Get(t.Context(), "first", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("what was new is still there: %v", err)
	}

	// What was on its way arrives, also when its client has given up. Passed on with the call's own context, or with one that cannot be ended, it
	// would be lost as soon as the proxy notices that nobody waits any more.
	short, giveUp := context.WithCancel(t.Context())
	p.Plan(testkube.At(map[int]testkube.Fault{1: testkube.Before(func() { giveUp(); time.Sleep(2 * time.Second) })}))
	_, err = maps.Create(short, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "late"}}, metav1.CreateOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("its client waited: %v", err)
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		_, err := c.Client().CoreV1().ConfigMaps(metav1.NamespaceDefault).Get(ctx, "late", metav1.GetOptions{})
		return err
	})
}
