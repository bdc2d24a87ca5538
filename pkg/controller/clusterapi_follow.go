package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// capiVersions are those that we can read.
var capiVersions = []string{"v1beta2", "v1beta1"}

// following are the Clusters that are followed, in one served version.
type following struct {
	resource schema.GroupVersionResource
	clusters cache.SharedIndexInformer
	stop     context.CancelFunc
}

// NeedLeaderElection is true: a standby follows nothing.
func (*PickUp) NeedLeaderElection() bool { return true }

// Start looks now and then whether the hub serves Clusters of Cluster API, and follows them while it does. Where it does not, this costs one
// small request a time.
func (p *PickUp) Start(ctx context.Context) error {
	logger := log.FromContext(ctx).WithName("cluster-api")
	for {
		r, err := p.served(ctx)
		switch now := p.followed(); {
		case err != nil: // what is followed is not let go of because nobody answers
			logger.Info("Asking whether Cluster API is served", "why", err.Error())
		case now != nil && now.resource != r:
			logger.Info("Clusters of Cluster API are not followed any more", "version", now.resource.Version)
			p.set(nil)
			now.stop()
			continue
		case now == nil && r.Resource != "":
			logger.Info("Clusters of Cluster API are followed", "version", r.Version)
			p.begin(ctx, r)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(p.Every):
		}
	}
}

// served is the resource of Clusters in a version that we can read; zero where there is none.
func (p *PickUp) served(ctx context.Context) (schema.GroupVersionResource, error) {
	var group metav1.APIGroup
	if err := p.ask(ctx, "/apis/"+capiGroup, &group); err != nil {
		return schema.GroupVersionResource{}, err
	}
	for _, want := range capiVersions {
		for _, v := range group.Versions {
			var list metav1.APIResourceList
			if v.Version != want {
				continue
			}
			if err := p.ask(ctx, "/apis/"+v.GroupVersion, &list); err != nil {
				return schema.GroupVersionResource{}, err
			}
			for _, r := range list.APIResources {
				if r.Name == "clusters" {
					return schema.GroupVersionResource{Group: capiGroup, Version: want, Resource: r.Name}, nil
				}
			}
		}
	}
	return schema.GroupVersionResource{}, nil
}

// ask reads what the API server tells everybody; what is not there leaves the answer empty.
func (p *PickUp) ask(ctx context.Context, path string, into any) error {
	body, err := p.rest.Get().AbsPath(path).Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// begin follows the Clusters in one version, until the context ends or it is stopped.
func (p *PickUp) begin(ctx context.Context, r schema.GroupVersionResource) {
	ctx, stop := context.WithCancel(ctx)
	clusters := dynamicinformer.NewFilteredDynamicInformer(p.clusters, r, metav1.NamespaceAll, 0, cache.Indexers{}, nil).Informer()
	f := &following{resource: r, clusters: clusters, stop: stop}
	_ = clusters.SetTransform(slim) // fails only when it has begun
	wake := func(o any) {
		if t, ok := o.(cache.DeletedFinalStateUnknown); ok {
			o = t.Obj
		}
		if u, ok := o.(*unstructured.Unstructured); ok {
			p.wake(ctx, capiCluster{u}.key())
		}
	}
	_, _ = clusters.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: wake, UpdateFunc: func(_, o any) { wake(o) }, DeleteFunc: wake,
	})
	p.set(f)
	go clusters.RunWithContext(ctx)
	go func() {
		if cache.WaitForCacheSync(ctx.Done(), clusters.HasSynced) {
			p.wakeRecorded(ctx) // what was deleted while nobody led
		}
	}()
}

func (p *PickUp) followed() *following {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *PickUp) set(f *following) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = f
}

// cached is a Cluster as it was seen last; nil when there is none.
func (f *following) cached(key string) *capiCluster {
	o, ok, err := f.clusters.GetStore().GetByKey(key)
	u, is := o.(*unstructured.Unstructured)
	if !ok || !is || err != nil {
		return nil
	}
	return &capiCluster{u}
}

// gone asks the API server whether a Cluster of this UID is not there any more. That Clusters as such are not served says nothing about one.
func (p *PickUp) gone(ctx context.Context, f *following, key types.NamespacedName, uid string) (bool, error) {
	u, err := p.clusters.Resource(f.resource).Namespace(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("looking whether Cluster %s is gone: %w", key, err)
	default:
		return string(u.GetUID()) != uid, nil
	}
}

// wake asks for a look at a Cluster, unless the context ends first.
func (p *PickUp) wake(ctx context.Context, key types.NamespacedName) {
	c := &v1alpha1.ClusterNetwork{} // any kind with a name
	c.Namespace, c.Name = key.Namespace, key.Name
	select {
	case <-ctx.Done():
	case p.again <- event.GenericEvent{Object: c}:
	}
}

// splitKey reads "namespace/name".
func splitKey(text string) (types.NamespacedName, bool) {
	namespace, name, ok := strings.Cut(text, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}, ok && namespace != "" && name != ""
}
