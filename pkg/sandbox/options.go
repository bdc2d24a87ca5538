package sandbox

import (
	"errors"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

const (
	// DefaultName is the sandbox that is meant when no name is given.
	DefaultName = "default"

	// DefaultKubernetes is the minor that is started when none is given.
	DefaultKubernetes = "1.36"

	// DefaultNodes is a sensible number of nodes for a sandbox that is looked at by a person.
	DefaultNodes = 20

	// DefaultPool is the pool of Options.Nodes; its nodes are called node-01, node-02 and so on.
	DefaultPool = "pool-1"

	// MaxNodes is how many nodes the pod CIDR has room for: 10.244.0.0/16 in blocks of a /27.
	MaxNodes = 2048
)

// Minors are the Kubernetes minors that "make sandbox" can build, oldest first: the folders of e2e/sandbox.
func Minors() []string { return []string{"1.34", "1.36"} }

// Options say what Up starts. The zero value is a sandbox without nodes called "default".
type Options struct {
	// Name is a DNS label; empty means DefaultName.
	Name string
	// Nodes is how many nodes the pool DefaultPool gets; Pools replaces it when set.
	Nodes int
	// Pools are created in their order.
	Pools []Pool
	// Kubernetes is one of Minors; empty means DefaultKubernetes.
	Kubernetes string
	// Progress receives one sentence per thing achieved, from one goroutine at a time; nil is fine.
	Progress func(string)
	// Owner is the process that an ephemeral sandbox belongs to: Sweep ends it once that process is gone. Zero means
	// that the sandbox lives until Down.
	Owner int
	// ExtraAPIServerArgs are appended to the arguments of kube-apiserver, also when it is restarted.
	ExtraAPIServerArgs []string

	// pickPorts replaces freePorts in tests.
	pickPorts func() (ports, error)
}

// Pool is a group of like nodes.
type Pool struct {
	// Name is a DNS label; its nodes are called <name>-01 and so on (those of DefaultPool node-01), and carry it as the
	// label LabelPool.
	Name string
	// Count is how many nodes are added. Adding to a pool that exists goes on counting.
	Count int
	// Labels and Annotations are set on every node beside (and over) the usual ones.
	Labels, Annotations map[string]string
	// Taints are set on every node.
	Taints []corev1.Taint
	// KubeletVersion is what the nodes report, with its v; empty means the version of the API server.
	KubeletVersion string
	// OSImage, Kernel and Arch are what the nodes report; empty means Oracle Linux 8.10 on amd64.
	OSImage, Kernel, Arch string
	// MaxPods is the capacity of a node; zero means 28, which its block of pod addresses has room for.
	MaxPods int
}

// prefix is what the names of the pool's nodes start with.
func (p Pool) prefix() string {
	if p.Name == DefaultPool {
		return "node"
	}
	return p.Name
}

var minorPattern = regexp.MustCompile(`^1\.[0-9]{1,3}$`)

// withDefaults fills what was left out.
func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if o.Kubernetes == "" {
		o.Kubernetes = DefaultKubernetes
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Pools == nil && o.Nodes > 0 {
		o.Pools = []Pool{{Name: DefaultPool, Count: o.Nodes}}
	}
	return o
}

// validate reports everything that is wrong at once.
func (o Options) validate() error {
	errs := []error{validName(o.Name)}
	if !minorPattern.MatchString(o.Kubernetes) {
		errs = append(errs, fmt.Errorf("kubernetes %q: want a minor such as %q", o.Kubernetes, DefaultKubernetes))
	}
	if o.Nodes < 0 {
		errs = append(errs, fmt.Errorf("nodes %d: want none or more", o.Nodes))
	}
	for _, p := range o.Pools {
		errs = append(errs, p.validate())
	}
	if total := o.count(); total > MaxNodes {
		errs = append(errs, fmt.Errorf("%d nodes: the pod CIDR has room for %d", total, MaxNodes))
	}
	return errors.Join(errs...)
}

// count is how many nodes there will be.
func (o Options) count() int {
	total := 0
	for _, p := range o.Pools {
		total += p.Count
	}
	return total
}

func (p Pool) validate() error {
	if problems := validation.IsDNS1123Label(p.Name); len(problems) > 0 {
		return fmt.Errorf("pool %q: %s", p.Name, problems[0])
	}
	if p.Count < 0 || p.MaxPods < 0 {
		return fmt.Errorf("pool %q: count %d and max pods %d must not be negative", p.Name, p.Count, p.MaxPods)
	}
	return nil
}

// validName keeps names usable as a folder, a context and a label.
func validName(name string) error {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return fmt.Errorf("sandbox name %q: %s", name, problems[0])
	}
	return nil
}
