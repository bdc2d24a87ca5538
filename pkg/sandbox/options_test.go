package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOptionsAreRefusedWithEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options Options
		want    []string // parts of the message; none means valid
	}{
		"the zero value is fine":      {},
		"a pool may be empty":         {options: Options{Pools: []Pool{{Name: "spare"}}}},
		"a name must be a DNS label":  {options: Options{Name: "Not_A_Label"}, want: []string{`sandbox name "Not_A_Label"`}},
		"a version is not a minor":    {options: Options{Kubernetes: "v1.36.3"}, want: []string{`kubernetes "v1.36.3"`}},
		"more nodes than pod CIDRs":   {options: Options{Nodes: 2049}, want: []string{"2049 nodes", "room for 2048"}},
		"fewer than no nodes":         {options: Options{Nodes: -1}, want: []string{"nodes -1"}},
		"two things wrong are listed": {options: Options{Name: "-", Pools: []Pool{{Name: "-", Count: 1}}}, want: []string{"sandbox name", "pool"}},
		"a count below zero":          {options: Options{Pools: []Pool{{Name: "p", Count: -1}}}, want: []string{`pool "p"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantMessage(t, test.options.withDefaults().validate(), test.want)
		})
	}
}

func TestFaultsAreRefusedWithEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault Fault
		want  []string
	}{
		"a crash of every pod":       {fault: Fault{Name: "f", Mode: Crash}},
		"slow needs a delay":         {fault: Fault{Name: "f", Mode: Slow}, want: []string{"fault delay"}},
		"only slow has a delay":      {fault: Fault{Name: "f", Mode: Crash, Delay: time.Second}, want: []string{"fault delay"}},
		"name and mode must be good": {fault: Fault{Name: "F", Mode: "Odd"}, want: []string{`fault name "F"`, `fault mode "Odd"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantMessage(t, test.fault.validate(), test.want)
		})
	}
}

func wantMessage(t *testing.T, err error, parts []string) {
	t.Helper()
	if (err == nil) != (len(parts) == 0) {
		t.Fatalf("got %v, want %q", err, parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %q in it", err, part)
		}
	}
}

func TestNodesContinueTheNumbersOfTheirPoolAndTheAddressesOfTheCluster(t *testing.T) {
	t.Parallel()
	existing := func(name, pool, address string) corev1.Node {
		return corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{LabelPool: pool}},
			Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}},
		}
	}
	tests := map[string]struct {
		pool     Pool
		existing []corev1.Node
		want     []string // name, address
	}{
		"the first pool": {
			pool: Pool{Name: DefaultPool, Count: 2},
			want: []string{"node-01 10.0.10.1", "node-02 10.0.10.2"},
		},
		"names are as wide as the highest number": {
			pool:     Pool{Name: "big", Count: 2},
			existing: []corev1.Node{existing("big-98", "big", "10.0.10.255")},
			want:     []string{"big-099 10.0.11.0", "big-100 10.0.11.1"},
		},
		"a hole is not filled": {
			pool:     Pool{Name: "new", Count: 1},
			existing: []corev1.Node{existing("node-01", DefaultPool, "10.0.10.1"), existing("node-09", DefaultPool, "10.0.10.9")},
			want:     []string{"new-01 10.0.10.10"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes := (&Sandbox{}).newNodes(test.pool, test.existing)
			got := make([]string, 0, len(nodes))
			for _, n := range nodes {
				got = append(got, n.Name+" "+n.Status.Addresses[0].Address)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a release needs of its nodes is judged by what their kubelets report.
func TestPlayedNodesReportAnOKEImage(t *testing.T) {
	t.Parallel()
	const image, kernel = "Oracle Linux Server 8.10", "5.15.0-209.161.7.2.el8uek."
	tests := map[string]struct {
		pool Pool
		want string
	}{
		"nothing is said":      {Pool{}, "linux amd64 amd64, " + image + ", " + kernel + "x86_64"},
		"another architecture": {Pool{Arch: "arm64"}, "linux arm64 arm64, " + image + ", " + kernel + "aarch64"},
		"everything is said":   {Pool{Arch: "amd64", OSImage: "Ubuntu 24.04", Kernel: "6.8.0"}, "linux amd64 amd64, Ubuntu 24.04, 6.8.0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := test.pool.node("node-01", 0, firstNode)
			info := n.Status.NodeInfo
			got := fmt.Sprintf("%s %s %s, %s, %s", info.OperatingSystem, info.Architecture, n.Labels[corev1.LabelArchStable], info.OSImage, info.KernelVersion)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if !strings.HasPrefix(n.Spec.ProviderID, "ocid1.instance.") {
				t.Errorf("provider ID %q", n.Spec.ProviderID)
			}
		})
	}
}

func TestOnlyTheExactMarkerMakesAProcessOurs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ string
		want    bool
	}{
		"the marker":                  {environ: "A=b\x00ADDONCTL_SANDBOX=id\x00", want: true},
		"another id":                  {environ: "ADDONCTL_SANDBOX=id2\x00"},
		"another variable":            {environ: "NOT_ADDONCTL_SANDBOX=id\x00ADDONCTL_SANDBOX_PROGRAM=id\x00"},
		"the marker as another value": {environ: "A=ADDONCTL_SANDBOX=id\x00"},
		"nothing":                     {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, got := marked([]byte(test.environ), "id"); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
