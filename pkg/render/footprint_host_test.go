package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
)

func TestTheFlagsOfTheMainContainerAreRead(t *testing.T) {
	t.Parallel()
	var descending, trimmed []string // more than a sort of few would leave in order by chance
	for i := range 40 {
		flag := fmt.Sprintf("iface=eth%d", 99-i)
		descending, trimmed = append(descending, "--"+flag), append(trimmed, flag)
	}
	for name, c := range map[string]struct {
		containers string
		want       []string
	}{
		"of the command and the arguments": {
			"{name: a, command: [agent, --z=1], args: [--a=2]}", []string{"a=2", "z=1"},
		},
		"with one dash, and the value behind": {"{name: a, args: [-v, '4', --on, -off=false]}", []string{"off=false", "on=true", "v=4"}},
		"without a value at the end":          {"{name: a, args: [x, --on]}", []string{"on=true"}},
		"with an equals sign in the value":    {"{name: a, args: [--set=k=v]}", []string{"set=k=v"}},
		"with an empty value":                 {"{name: a, args: ['--iface=', --b]}", []string{"b=true", "iface="}},
		"several of one name in their order":  {"{name: a, args: [--iface=z, --c=1, --iface=b]}", []string{"c=1", "iface=z", "iface=b"}},
		"many of one name in their order": {
			"{name: a, args: [" + strings.Join(descending, ", ") + ", --a=1]}", append([]string{"a=1"}, trimmed...),
		},
		"of no other container":        {"{name: a, args: [run]}, {name: b, args: [--x=1]}", nil},
		"the end of the flags is none": {"{name: a, args: [--, run]}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := of(t, workload("DaemonSet", "", "containers: ["+c.containers+"]")).Workloads[0].Args
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePlacesOfTheNodeThatContainersSeeAreRead(t *testing.T) {
	t.Parallel()
	got := of(t, workload("DaemonSet", "", `volumes: [{name: bin, hostPath: {path: /opt/cni/bin}}, {name: etc, hostPath: {path: /etc}}, {name: none, hostPath: {path: /x}}, {name: tmp, emptyDir: {}}],
      initContainers: [{name: i, volumeMounts: [{name: etc, mountPath: /host/net.d/, subPath: cni/net.d}, {name: bin, mountPath: /bin}]}],
      containers: [{name: a, volumeMounts: [{name: bin, mountPath: /bin}, {name: tmp, mountPath: /tmp}, {name: etc, mountPath: /bin}]}]`)).Workloads[0].HostMounts
	want := []catalog.HostMount{
		{At: "/bin", Path: "/etc"}, {At: "/bin", Path: "/opt/cni/bin"}, {At: "/host/net.d", Path: "/etc/cni/net.d"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

// What flannel's wireguard takes by itself is no change when somebody writes it down.
func TestWireguardsDefaultsAreWhatFlannelMakesOfThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		backend string
		want    catalog.NetConf
	}{
		"nothing": {``, catalog.NetConf{Port: 51820, PortV6: 51821, Mode: "separate"}},
		"the defaults": {
			`, "ListenPort": 51820, "ListenPortV6": 51821, "Mode": "separate"`,
			catalog.NetConf{Port: 51820, PortV6: 51821, Mode: "separate"},
		},
		"others": {`, "ListenPort": 1, "ListenPortV6": 2, "Mode": "ipv6"`, catalog.NetConf{Port: 1, PortV6: 2, Mode: "ipv6"}},
	} {
		c.want.Backend = "wireguard"
		got := of(t, config("m", "net-conf.json", `{"Backend": {"Type": "wireguard"`+c.backend+`}}`)).Network
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	got := of(t, config("m", "net-conf.json", `{"Backend": {"Type": "vxlan", "Mode": "auto", "ListenPortV6": 1}}`)).Network
	if got.PortV6 != 0 || got.Mode != "" {
		t.Errorf("another backend has wireguard's options: %+v", got)
	}
}

func TestTheMTUOfAChainIsThatOfThePluginThatNamesOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plugins string
		want    int
	}{
		"none":                      {`{"type": "a"}`, 0},
		"of the second plugin":      {`{"type": "a"}, {"type": "b", "mtu": 9000}`, 9000},
		"of a delegate":             {`{"type": "a", "delegate": {"mtu": 1400}}`, 1400},
		"of the first of two":       {`{"type": "a", "mtu": 1500}, {"type": "b", "mtu": 9000}`, 1500},
		"something that is no size": {`{"type": "a", "mtu": "big"}`, 0},
	} {
		text := `{"name": "n", "cniVersion": "1.0.0", "plugins": [` + c.plugins + `]}`
		if got := of(t, config("m", "cni-conf.json", text)+reader(mounts, mounted)).Chain.MTU; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
