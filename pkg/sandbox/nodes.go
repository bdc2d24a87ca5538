package sandbox

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// LabelPool is the label with the name of a node's pool.
	LabelPool = "addonctl.io/pool"

	// LabelFaultDomain is where OKE says which of the three fault domains a node is in.
	LabelFaultDomain = "oci.oraclecloud.com/fault-domain"

	// kwokAnnotation is on the nodes that kwok plays, and on no other node somebody may add.
	kwokAnnotation      = "kwok.x-k8s.io/node"
	kwokAnnotationValue = "fake"

	// creators is how many nodes are created at once.
	creators = 16
)

// firstNode is the address of the first node ever; each new node gets the one after the highest.
var firstNode = netip.MustParseAddr("10.0.10.1")

// AddNodes adds a pool, or nodes to a pool, and returns when they are Ready and have pod CIDRs.
func (s *Sandbox) AddNodes(ctx context.Context, p Pool) error {
	if err := p.validate(); err != nil {
		return err
	}
	return s.locked(ctx, func() error { return s.addNodes(ctx, p, func(string) {}) })
}

func (s *Sandbox) addNodes(ctx context.Context, p Pool, progress func(string)) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	existing, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing nodes: %w", err)
	}
	if total := len(existing.Items) + p.Count; total > MaxNodes {
		return fmt.Errorf("adding %d nodes: %d in all, and the pod CIDR has room for %d", p.Count, total, MaxNodes)
	}
	nodes := s.newNodes(p, existing.Items)
	if err := createNodes(ctx, client, nodes); err != nil {
		return fmt.Errorf("creating the nodes of pool %q: %w", p.Name, err)
	}
	if err := waitNodes(ctx, client, nodes); err != nil {
		return fmt.Errorf("waiting for the nodes of pool %q: %w", p.Name, err)
	}
	progress(fmt.Sprintf("%d/%d nodes of %s Ready", len(nodes), len(nodes), p.Name))
	return nil
}

// newNodes continues the numbers of the pool and the addresses of the cluster.
func (s *Sandbox) newNodes(p Pool, existing []corev1.Node) []*corev1.Node {
	number := highestNumber(p, existing)
	address := nextAddress(existing)
	width := max(2, len(strconv.Itoa(number+p.Count)))
	if p.KubeletVersion == "" {
		p.KubeletVersion = s.state.Version
	}
	nodes := make([]*corev1.Node, 0, p.Count)
	for i := range p.Count {
		name := fmt.Sprintf("%s-%0*d", p.prefix(), width, number+i+1)
		nodes = append(nodes, p.node(name, number+i, address))
		address = address.Next()
	}
	return nodes
}

// highestNumber is the last number given in the pool; zero in a new one.
func highestNumber(p Pool, existing []corev1.Node) int {
	highest := 0
	for _, n := range existing {
		if n.Labels[LabelPool] != p.Name {
			continue
		}
		if number, err := strconv.Atoi(strings.TrimPrefix(n.Name, p.prefix()+"-")); err == nil {
			highest = max(highest, number)
		}
	}
	return highest
}

func nextAddress(existing []corev1.Node) netip.Addr {
	next := firstNode
	for _, n := range existing {
		for _, a := range n.Status.Addresses {
			if ip, err := netip.ParseAddr(a.Address); err == nil && !ip.Less(next) {
				next = ip.Next()
			}
		}
	}
	return next
}

// node is what a kubelet on an OKE worker would register and report; its conditions come from kwok.
func (p Pool) node(name string, ordinal int, address netip.Addr) *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Labels:      p.nodeLabels(name, ordinal),
			Annotations: map[string]string{kwokAnnotation: kwokAnnotationValue},
		},
		Spec: corev1.NodeSpec{
			ProviderID: "ocid1.instance.oc1..sandbox" + strings.ReplaceAll(name, "-", ""),
			Taints:     p.Taints,
		},
		Status: corev1.NodeStatus{
			Capacity:    p.resources("16Gi"),
			Allocatable: p.resources("15Gi"),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: address.String()},
				{Type: corev1.NodeHostName, Address: name},
			},
			NodeInfo: p.nodeInfo(name),
		},
	}
	maps.Copy(n.Annotations, p.Annotations)
	return n
}

func (p Pool) nodeLabels(name string, ordinal int) map[string]string {
	labels := map[string]string{
		corev1.LabelHostname:           name,
		corev1.LabelOSStable:           "linux",
		corev1.LabelArchStable:         p.arch(),
		corev1.LabelInstanceTypeStable: "VM.Standard.E4.Flex",
		corev1.LabelTopologyZone:       fmt.Sprintf("AD-%d", ordinal%3+1),
		LabelFaultDomain:               fmt.Sprintf("FAULT-DOMAIN-%d", ordinal/3%3+1),
		LabelPool:                      p.Name,
	}
	maps.Copy(labels, p.Labels)
	return labels
}

func (p Pool) resources(memory string) corev1.ResourceList {
	pods := p.MaxPods
	if pods == 0 {
		pods = 28
	}
	return corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("4"),
		corev1.ResourceMemory:           resource.MustParse(memory),
		corev1.ResourceEphemeralStorage: resource.MustParse("40Gi"),
		corev1.ResourcePods:             *resource.NewQuantity(int64(pods), resource.DecimalSI),
	}
}

func (p Pool) nodeInfo(name string) corev1.NodeSystemInfo {
	return corev1.NodeSystemInfo{
		MachineID:               name,
		SystemUUID:              name,
		BootID:                  name,
		KernelVersion:           cmp.Or(p.Kernel, "5.15.0-209.161.7.2.el8uek."+p.machine()),
		OSImage:                 cmp.Or(p.OSImage, "Oracle Linux Server 8.10"),
		ContainerRuntimeVersion: "containerd://1.7.27",
		KubeletVersion:          p.KubeletVersion,
		OperatingSystem:         "linux",
		Architecture:            p.arch(),
	}
}

func (p Pool) arch() string { return cmp.Or(p.Arch, "amd64") }

// machine is the architecture as kernels write it.
func (p Pool) machine() string {
	if p.arch() == "arm64" {
		return "aarch64"
	}
	return "x86_64"
}

// createNodes creates all, several at once; one by one takes a minute for a thousand.
func createNodes(ctx context.Context, client kubernetes.Interface, nodes []*corev1.Node) error {
	queue := make(chan *corev1.Node)
	results := make(chan error)
	for range creators {
		go func() {
			for n := range queue {
				_, err := client.CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{})
				results <- err
			}
		}()
	}
	go func() {
		defer close(queue)
		for _, n := range nodes {
			queue <- n
		}
	}()
	var first error
	for range nodes {
		if err := <-results; first == nil {
			first = err
		}
	}
	return first
}

// waitNodes waits until each is Ready and has a pod CIDR.
func waitNodes(ctx context.Context, client kubernetes.Interface, nodes []*corev1.Node) error {
	wanted := map[string]bool{}
	for _, n := range nodes {
		wanted[n.Name] = true
	}
	return poll(ctx, 200*time.Millisecond, func(ctx context.Context) error {
		list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return err
		}
		ready := 0
		for _, n := range list.Items {
			if wanted[n.Name] && conditionTrue(n, corev1.NodeReady) && n.Spec.PodCIDR != "" && !notReadyTaint(n) {
				ready++
			}
		}
		if ready < len(nodes) {
			return fmt.Errorf("%d/%d nodes Ready", ready, len(nodes))
		}
		return nil
	})
}

func conditionTrue(n corev1.Node, kind corev1.NodeConditionType) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// notReadyTaint says whether ordinary pods still keep off the node: the taint goes a moment after the node is Ready.
func notReadyTaint(n corev1.Node) bool {
	for _, t := range n.Spec.Taints {
		if t.Key == corev1.TaintNodeNotReady {
			return true
		}
	}
	return false
}
