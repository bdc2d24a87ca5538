package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

var networks = schema.GroupVersionResource{Group: "oci.oraclecloud.com", Version: "v1beta1", Resource: "nativepodnetworks"}

const (
	// annotation of a node: the state that its NativePodNetwork is to have, and after a slash the reason.
	annotation = "addonctl.io/sandbox-npn"

	inProgress, success, completed = "IN_PROGRESS", "SUCCESS", "COMPLETED"

	// moment is how long one is in progress. Oracle's take longer.
	moment = 300 * time.Millisecond
	// lookAgain is the pause while the definition is not served.
	lookAgain = time.Second
	// workers are as many as Oracle's.
	workers = 20
	// byInstance finds a node by the name that its NativePodNetwork has.
	byInstance = "instance"
)

// controller brings the NativePodNetwork of each instance to what its node says. Its queue holds the objects' names.
type controller struct {
	nodes, networks cache.SharedIndexInformer
	client          dynamic.ResourceInterface
	queue           workqueue.TypedRateLimitingInterface[string]
}

func newController(core rest.Interface, client dynamic.ResourceInterface) (*controller, error) {
	nodes := cache.NewListWatchFromClient(core, "nodes", metav1.NamespaceAll, fields.Everything())
	c := &controller{
		nodes: cache.NewSharedIndexInformer(nodes, &corev1.Node{}, 0, cache.Indexers{byInstance: func(o any) ([]string, error) {
			return []string{nameOf(o)}, nil
		}}),
		networks: cache.NewSharedIndexInformer(patiently(client), &unstructured.Unstructured{}, 0, cache.Indexers{}),
		client:   client,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 5*time.Second),
		),
	}
	return c, errors.Join(c.listen(c.nodes), c.listen(c.networks))
}

// patiently lists when the definition is served: until then there is nothing to know, and a reflector would soon look twice a minute only.
func patiently(client dynamic.ResourceInterface) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			for {
				list, err := client.List(ctx, o)
				if !apierrors.IsNotFound(err) || !pause(ctx, lookAgain) {
					return list, err
				}
			}
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) { return client.Watch(ctx, o) },
	}
}

// listen queues what an informer tells of.
func (c *controller) listen(i cache.SharedIndexInformer) error {
	queue := func(o any) { c.queue.Add(nameOf(o)) }
	_, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: queue, UpdateFunc: func(_, o any) { queue(o) }, DeleteFunc: queue,
	})
	return err
}

// nameOf is the name of the NativePodNetwork that an object is, or has; empty when it has none.
func nameOf(o any) string {
	switch o := o.(type) {
	case *corev1.Node:
		return instance(o)
	case *unstructured.Unstructured:
		return o.GetName()
	case cache.DeletedFinalStateUnknown:
		return nameOf(o.Obj)
	default:
		return ""
	}
}

// run works when nodes and NativePodNetworks are known, which is when their definition is served.
func (c *controller) run(ctx context.Context) {
	go c.nodes.RunWithContext(ctx)
	go c.networks.RunWithContext(ctx)
	if cache.WaitForCacheSync(ctx.Done(), c.nodes.HasSynced, c.networks.HasSynced) {
		for range workers {
			go c.work(ctx)
		}
	}
	<-ctx.Done()
	c.queue.ShutDown()
}

func (c *controller) work(ctx context.Context) {
	for {
		name, stop := c.queue.Get()
		if stop {
			return
		}
		if err := c.reconcile(ctx, name); err != nil {
			log.Printf("%s: %v", name, err)
			c.queue.AddRateLimited(name)
		} else {
			c.queue.Forget(name)
		}
		c.queue.Done(name)
	}
}

// reconcile makes one move: what it writes comes back as the reason for the next. What is there already is taken as it is. One in success
// is touched no more, and who takes a NativePodNetwork away gets a new one.
func (c *controller) reconcile(ctx context.Context, name string) error {
	found, err := c.nodes.GetIndexer().ByIndex(byInstance, name)
	if err != nil || len(found) == 0 || name == "" {
		return err
	}
	there, _, err := c.networks.GetStore().GetByKey(name)
	if err != nil {
		return err
	}
	node, _ := found[0].(*corev1.Node)
	o, ok := there.(*unstructured.Unstructured)
	if !ok {
		return c.create(ctx, node)
	}
	state, reason, _ := strings.Cut(cmp.Or(node.Annotations[annotation], success+"/"+completed), "/")
	now, why := status(o)
	switch {
	case now == state && (why == reason || now == success):
		return nil
	case state == success && now != inProgress:
		state, reason = inProgress, ""
	case state == success:
		pause(ctx, moment)
	}
	log.Printf("%s of %s is %s %s", name, node.Name, state, reason)
	return c.say(ctx, node, state, reason)
}

// instance is the name of a node's NativePodNetwork; empty for what is no instance, such as a virtual node.
func instance(n *corev1.Node) string {
	ocid := strings.TrimPrefix(n.Spec.ProviderID, "oci://")
	if !strings.HasPrefix(ocid, "ocid1.instance.") {
		return ""
	}
	return ocid[strings.LastIndex(ocid, ".")+1:]
}

func status(o *unstructured.Unstructured) (state, reason string) {
	state, _, _ = unstructured.NestedString(o.Object, "status", "state")
	reason, _, _ = unstructured.NestedString(o.Object, "status", "reason")
	return state, reason
}

// create makes one that goes with its node.
func (c *controller) create(ctx context.Context, n *corev1.Node) error {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"id": strings.TrimPrefix(n.Spec.ProviderID, "oci://"), "maxPodCount": int64(31), "ipFamilies": []any{string(corev1.IPv4Protocol)},
		"podSubnetIds": []any{"ocid1.subnet.oc1..sandbox"}, "networkSecurityGroupIds": []any{},
	}}}
	o.SetGroupVersionKind(networks.GroupVersion().WithKind("NativePodNetwork"))
	o.SetName(instance(n))
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.Name, UID: n.UID}})
	_, err := c.client.Create(ctx, o, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// say writes a state; one that is gone meanwhile is made anew by the event of that.
func (c *controller) say(ctx context.Context, n *corev1.Node, state, reason string) error {
	status := map[string]any{"state": state, "reason": reason}
	if state == success {
		status["vnics"] = []any{map[string]any{"vnicId": "ocid1.vnic.oc1..sandbox" + instance(n), "nicIndex": 0}}
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	_, err = c.client.Patch(ctx, instance(n), types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// pause is false when the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
