package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// ErrNotEstablished says that the API server did not begin to serve a definition in time.
var ErrNotEstablished = errors.New("the definition is not established")

// mapping finds resources by kind. It learns kinds while others read it.
type mapping struct {
	mu sync.RWMutex
	*meta.DefaultRESTMapper
}

// RESTMapping is the resource of a kind.
func (m *mapping) RESTMapping(gk schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.DefaultRESTMapper.RESTMapping(gk, versions...)
}

func (m *mapping) learn(k schema.GroupVersionKind, plural string, namespaced bool) {
	scope := meta.RESTScope(meta.RESTScopeRoot)
	if namespaced {
		scope = meta.RESTScopeNamespace
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.AddSpecific(k, k.GroupVersion().WithResource(plural), k.GroupVersion().WithResource(strings.ToLower(k.Kind)), scope)
}

// Learn makes the kinds of objects known that this program does not know by itself: from definitions among the objects, else
// from the API server. It returns the objects whose kind nobody serves and none of them defines.
func (c *Client) Learn(ctx context.Context, objects []*unstructured.Unstructured) (unserved []*unstructured.Unstructured, err error) {
	for _, o := range objects {
		if err := c.define(o); err != nil {
			return nil, err
		}
	}
	for _, o := range objects {
		if c.knows(o) {
			continue
		}
		if _, err := c.Serves(ctx, o.GroupVersionKind()); err != nil {
			return nil, err
		}
		if !c.knows(o) {
			unserved = append(unserved, o)
		}
	}
	return unserved, nil
}

func (c *Client) knows(o *unstructured.Unstructured) bool {
	k := o.GroupVersionKind()
	_, err := c.mapper.RESTMapping(k.GroupKind(), k.Version)
	return err == nil
}

// define learns the kinds of a definition.
func (c *Client) define(o *unstructured.Unstructured) error {
	if o.GetKind() != "CustomResourceDefinition" {
		return nil
	}
	var d apiextensionsv1.CustomResourceDefinition
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &d); err != nil {
		return fmt.Errorf("reading %s: %w", Ref(o), err)
	}
	for _, v := range d.Spec.Versions {
		k := schema.GroupVersionKind{Group: d.Spec.Group, Version: v.Name, Kind: d.Spec.Names.Kind}
		c.mapper.learn(k, d.Spec.Names.Plural, d.Spec.Scope == apiextensionsv1.NamespaceScoped)
	}
	return nil
}

// Serves asks the API server whether it serves a kind in its version, and learns it. Only that one version is asked for:
// discovery as a whole fails when the pod of any aggregated API is away.
func (c *Client) Serves(ctx context.Context, k schema.GroupVersionKind) (bool, error) {
	path := "/apis/" + k.Group + "/" + k.Version
	if k.Group == "" {
		path = "/api/" + k.Version
	}
	body, err := c.Typed.Discovery().RESTClient().Get().AbsPath(path).SetHeader("Accept", runtime.ContentTypeJSON).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	var list metav1.APIResourceList
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err != nil {
		return false, fmt.Errorf("asking what is served of %s: %w", k.GroupVersion(), err)
	}
	for _, r := range list.APIResources {
		if r.Kind == k.Kind && !strings.Contains(r.Name, "/") {
			if _, err := c.mapper.RESTMapping(k.GroupKind(), k.Version); err != nil {
				c.mapper.learn(k, r.Name, r.Namespaced)
			}
			return true, nil
		}
	}
	return false, nil
}

// Established waits until the API server serves what a definition defines; ErrNotEstablished says that it did not in the
// time given.
func (c *Client) Established(ctx context.Context, definition *unstructured.Unstructured, within time.Duration) error {
	const pause = 100 * time.Millisecond
	for until := time.Now().Add(within); ; {
		live, err := c.Get(ctx, definition)
		if err != nil {
			return fmt.Errorf("reading %s: %w", Ref(definition), err)
		}
		served, err := c.servesAll(ctx, live)
		if err != nil || served {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("waiting %s for %s: %w", within, Ref(definition), ErrNotEstablished)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// servesAll tells whether a live definition is established, and everything that it serves is there.
func (c *Client) servesAll(ctx context.Context, live *unstructured.Unstructured) (bool, error) {
	if live == nil {
		return false, nil
	}
	var d apiextensionsv1.CustomResourceDefinition
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &d); err != nil {
		return false, fmt.Errorf("reading %s: %w", Ref(live), err)
	}
	established := false
	for _, x := range d.Status.Conditions {
		established = established || x.Type == apiextensionsv1.Established && x.Status == apiextensionsv1.ConditionTrue
	}
	for _, v := range d.Spec.Versions {
		if !v.Served || !established {
			continue
		}
		ok, err := c.Serves(ctx, schema.GroupVersionKind{Group: d.Spec.Group, Version: v.Name, Kind: d.Spec.Names.Kind})
		if err != nil || !ok {
			return false, err
		}
	}
	return established, nil
}

var builtinTypes = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	_ = scheme.AddToScheme(s) // neither ever fails
	_ = apiextensionsv1.AddToScheme(s)
	return s
})

// Decodes reads an object strictly into the type that Kubernetes has for its kind, without any server: a field that the type
// does not have is an error. Of a kind that Kubernetes has no type for nothing can be said.
func Decodes(o *unstructured.Unstructured) error {
	into, err := builtinTypes().New(o.GroupVersionKind())
	if err != nil {
		return nil //nolint:nilerr // a kind of somebody's definition
	}
	const strict = true
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, into, strict); err != nil {
		return fmt.Errorf("reading %s: %w", Ref(o), err)
	}
	return nil
}
