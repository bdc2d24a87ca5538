package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Right is one thing that a user may or may not do. A subresource is written behind its resource: addons/status.
type Right struct {
	Verb, Group, Resource, Namespace string
	// Name of the one object that it is about; empty for all of them.
	Name string
}

// String is the right as a sentence part: `create daemonsets.apps in kube-system`.
func (r Right) String() string {
	s := r.Verb + " " + r.Resource
	if r.Group != "" {
		s += "." + r.Group
	}
	if r.Name != "" {
		s += " " + r.Name
	}
	if r.Namespace != "" {
		s += " in " + r.Namespace
	}
	return s
}

// sure is how long a right that was found is not asked for again. One that is taken away meanwhile shows when it is used.
const sure = time.Minute

// Missing asks the API server which of the rights the client's user lacks, in the order given. The questions are asked
// a few at a time, and not again within a minute for a right that was there.
func (c *Client) Missing(ctx context.Context, rights []Right) ([]string, error) {
	allowed := make([]bool, len(rights))
	errs := make([]error, len(rights))
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i, r := range rights {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			allowed[i], errs[i] = c.may(ctx, r)
		})
	}
	wg.Wait()
	var out []string
	for i, r := range rights {
		if errs[i] != nil {
			return nil, fmt.Errorf("asking whether we may %s: %w", r, errs[i])
		}
		if !allowed[i] && !slices.Contains(out, r.String()) {
			out = append(out, r.String())
		}
	}
	return out, nil
}

func (c *Client) may(ctx context.Context, r Right) (bool, error) {
	if at, ok := c.rights.Load(r); ok && time.Since(at.(time.Time)) < sure { //nolint:errcheck // nothing else is stored
		return true, nil
	}
	resource, subresource, _ := strings.Cut(r.Resource, "/")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: r.Verb, Group: r.Group, Resource: resource, Subresource: subresource, Namespace: r.Namespace, Name: r.Name,
		},
	}}
	got, err := c.review(ctx, review)
	if err != nil {
		return false, err
	}
	if got.Status.Allowed {
		c.rights.Store(r, time.Now())
	}
	return got.Status.Allowed, nil
}

// A question that a server leaves without an answer for so long is asked again, a few times: to ask changes nothing, and one lost answer of dozens is
// no reason to end a command.
const (
	answerWithin = 10 * time.Second
	questions    = 3
)

func (c *Client) review(ctx context.Context, r *authorizationv1.SelfSubjectAccessReview) (*authorizationv1.SelfSubjectAccessReview, error) {
	for tried := 1; ; tried++ {
		within, cancel := context.WithTimeout(ctx, answerWithin)
		got, err := c.Typed.AuthorizationV1().SelfSubjectAccessReviews().Create(within, r, metav1.CreateOptions{})
		unanswered := within.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !unanswered || tried == questions {
			return got, err //nolint:wrapcheck // Missing says what was asked
		}
	}
}

// WriteRights are the rights that applying the objects needs: get, create and patch of each kind in its namespace.
func (c *Client) WriteRights(objects []*unstructured.Unstructured) ([]Right, error) {
	var out []Right
	for _, o := range objects {
		gvk := o.GroupVersionKind()
		m, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			return nil, fmt.Errorf("finding the resource of %s: %w", Ref(o), err)
		}
		for _, verb := range []string{"get", "create", "patch"} {
			r := Right{Verb: verb, Group: m.Resource.Group, Resource: m.Resource.Resource, Namespace: o.GetNamespace()}
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out, nil
}
