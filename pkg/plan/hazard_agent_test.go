package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

// started replaces the agent's flags.
func started(flags ...string) func(*hazardMove) {
	return func(m *hazardMove) { m.agent().Args = append([]string{"kube-subnet-mgr=true"}, flags...) }
}

// forwarding tells the policy of the first nodes.
func forwarding(m *hazardMove, policies ...string) {
	for i, p := range policies {
		m.in.Nodes[i].Facts = map[string]string{"forwardPolicy": p}
	}
}

func agentRows() map[string]hazardRow {
	const masq = "ip-masq=true"
	noForward := started(masq, "iptables-forward-rules=false")
	mounts := func(at, path string) func(*hazardMove) {
		return func(m *hazardMove) {
			i := slices.IndexFunc(m.agent().HostMounts, func(h catalog.HostMount) bool { return h.At == at })
			m.agent().HostMounts[i].Path = path
		}
	}
	return map[string]hazardRow{
		"another interface": {
			check: "agent-interface-kept", base: flannelMove,
			fires:  started(masq, "iface=eth1"),
			spares: started(masq, "healthz-port=8081", "iptables-resync=10"),
			reason: plan.Partition, blocking: true, says: "(--iface from none to eth1)",
		},
		"the same interfaces in another order": {
			check: "agent-interface-kept", base: flannelMove,
			fires: func(m *hazardMove) {
				m.before.Workloads[0].Args = []string{"iface=eth0", "iface=eth1"}
				m.agent().Args = []string{"iface=eth1", "iface=eth0"}
			},
			spares: func(m *hazardMove) { // nobody to be cut off from
				started(masq, "iface=eth1")(m)
				m.in.Nodes = m.in.Nodes[:1]
			},
			reason: plan.Partition, blocking: true, says: "--iface from eth0, eth1 to eth1, eth0",
		},
		"an interface that a variable gives": {
			check: "agent-interface-kept", base: flannelMove,
			fires: func(m *hazardMove) { m.agent().Env = map[string]string{"FLANNELD_IFACE_CAN_REACH": "10.0.0.1"} },
			spares: func(m *hazardMove) { // the flag counts, as it did before
				m.before.Workloads[0].Args = append(m.before.Workloads[0].Args, "iface=eth1")
				started(masq, "iface=eth1")(m)
				m.agent().Env = map[string]string{"FLANNELD_IFACE": "eth2"}
			},
			reason: plan.Partition, blocking: true, says: "--iface-can-reach from none to 10.0.0.1",
		},
		"no masquerading": {
			check: "agent-masquerade-kept", base: flannelMove,
			fires: started(),
			spares: func(m *hazardMove) {
				m.before.Workloads[0].Args = nil
				started()(m)
			},
			reason: plan.MasqueradeEnds, blocking: true, says: "do not get out of the cluster",
		},
		"no masquerading, by a flag that says so": {
			check: "agent-masquerade-kept", base: flannelMove,
			fires:  started(masq, "ip-masq=false"),
			spares: started("ip-masq=false", "ip-masq=1"),
			reason: plan.MasqueradeEnds, blocking: true, says: "masquerades no more",
		},
		"no forwarding where it is dropped": {
			check: "agent-forward-rules-kept", base: flannelMove,
			fires:  func(m *hazardMove) { noForward(m); forwarding(m, "ACCEPT", "DROP", "ACCEPT") },
			spares: func(m *hazardMove) { noForward(m); forwarding(m, "ACCEPT", "ACCEPT", "ACCEPT") },
			reason: plan.ForwardRulesEnd, blocking: true, says: "its policy is DROP", nodes: []string{"node-2"},
		},
		"no forwarding on nobody knows what": {
			check: "agent-forward-rules-kept", base: flannelMove,
			fires: func(m *hazardMove) { noForward(m); forwarding(m, "ACCEPT", "ACCEPT") },
			spares: func(m *hazardMove) {
				noForward(m)
				m.before.Workloads[0].Args = m.agent().Args
			},
			reason: plan.ForwardRulesEnd, says: "not known of node-3", nodes: []string{"node-3"}, unknown: []catalog.Fact{catalog.FactForwardPolicy},
		},
		"plugins in another folder": {
			check: "host-folders-kept", base: flannelMove,
			fires:  mounts("/opt/cni/bin", "/var/opt/cni/bin"),
			spares: mounts("/run/xtables.lock", "/var/run/xtables.lock"),
			reason: plan.FoldersMoved, blocking: true, says: "CNI plugins from /opt/cni/bin to /var/opt/cni/bin",
		},
		"a configuration in another folder": {
			check: "host-folders-kept", base: flannelMove,
			fires: mounts("/etc/cni/net.d", "/var/etc/cni/net.d"),
			spares: func(m *hazardMove) { // the same folder at another place in the container
				m.agent().HostMounts[0].At = "/host/etc/cni/net.d"
			},
			reason: plan.FoldersMoved, blocking: true, says: "the CNI configuration from /etc/cni/net.d to /var/etc/cni/net.d",
		},
		"the plugin's file in another folder": {
			check: "host-folders-kept", base: flannelMove,
			fires:  mounts("/run/flannel", "/run/other"),
			spares: func(m *hazardMove) { m.agent().HostMounts = nil },
			reason: plan.FoldersMoved, blocking: true, says: "from /run/flannel to /run/other",
		},
	}
}

// printOf is the footprint of a release of a shipped add-on with an operator's values.
func printOf(t *testing.T, a catalog.AddOn, v string, s render.Settings) *catalog.Footprint {
	t.Helper()
	r, ok := a.Find(version.MustParse(v))
	if !ok {
		t.Fatalf("%s has no release %s", a.Name, v)
	}
	out, err := render.Release(charts.FS, a, r, s)
	if err != nil {
		t.Fatal(err)
	}
	f, err := render.Footprint(out.Objects)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// settingsRow is a change of an operator's values alone and what is said of it; ! marks what blocks.
type settingsRow struct {
	before, after map[string]any
	pods          []string
	says          string
}

func agent(values map[string]any) map[string]any { return map[string]any{"agent": values} }

func wireguardOf(option string, value any) map[string]any {
	b := map[string]any{"type": "wireguard"}
	if option != "" {
		b[option] = value
	}
	return map[string]any{"backend": b}
}

var flannelSettings = map[string]settingsRow{
	"nothing":                         {says: ""},
	"another interface":               {after: agent(map[string]any{"iface": []any{"eth1"}}), says: "agent-interface-kept!"},
	"an interface by its name":        {after: agent(map[string]any{"ifaceRegex": []any{"^eth[1-9]$"}}), says: "agent-interface-kept!"},
	"an interface by what it reaches": {after: agent(map[string]any{"ifaceCanReach": "10.0.0.1"}), says: "agent-interface-kept!"},
	"back to the default interface":   {before: agent(map[string]any{"iface": []any{"eth1"}}), says: "agent-interface-kept!"},
	"no masquerading":                 {after: agent(map[string]any{"ipMasq": false}), says: "agent-masquerade-kept!"},
	"masquerading again":              {before: agent(map[string]any{"ipMasq": false}), says: ""},
	"no forwarding":                   {after: agent(map[string]any{"iptablesForwardRules": false}), says: "agent-forward-rules-kept!"},
	"forwarding again":                {before: agent(map[string]any{"iptablesForwardRules": false}), says: ""},
	"another rhythm":                  {after: agent(map[string]any{"iptablesResync": 30}), says: ""},
	"no configuration":                {after: map[string]any{"skipCNIConfigInstallation": true}, says: "chain-installed!"},
	"a configuration after all":       {before: map[string]any{"skipCNIConfigInstallation": true}, says: "plugins-on-nodes"},
	"plugins elsewhere":               {after: map[string]any{"cniBinDir": "/var/opt/cni/bin"}, says: "host-folders-kept!"},
	"the configuration elsewhere":     {after: map[string]any{"cniConfDir": "/var/etc/cni/net.d"}, says: "host-folders-kept!"},
	"one folder, written otherwise":   {after: map[string]any{"cniConfDir": "/etc/cni/net.d"}, says: ""},
	"wireguard's mode": {
		before: wireguardOf("", nil), after: wireguardOf("mode", "auto"), says: "backend-kept!",
	},
	"wireguard's mode as it is by default": {
		before: wireguardOf("", nil), after: wireguardOf("mode", "separate"), says: "",
	},
	"wireguard's port": {
		before: wireguardOf("", nil), after: wireguardOf("listenPort", 51830), says: "backend-kept!",
	},
	"wireguard's port as it is by default": {
		before: wireguardOf("", nil), after: wireguardOf("listenPort", 51820), says: "",
	},
	"wireguard's port for IPv6": {
		before: wireguardOf("", nil), after: wireguardOf("listenPortV6", 51830),
		pods: []string{"10.244.0.0/16", "fd00:10:244::/56"}, says: "backend-kept!",
	},
}

var calicoSettingsOf = map[string]settingsRow{
	"nothing":                 {says: ""},
	"Felix's backend":         {after: map[string]any{"iptablesBackend": "NFT"}, says: "felix-backend-kept"},
	"the MTU of pods":         {after: map[string]any{"mtu": 8900}, says: "chain-mtu-kept"},
	"the severity of the log": {after: map[string]any{"felix": map[string]any{"logSeverity": "Debug"}}, says: ""},
}

var vcnNativeSettings = map[string]settingsRow{
	"nothing":         {says: ""},
	"the MTU of pods": {after: map[string]any{"mtu": 1500}, says: "chain-mtu-kept"},
}

// Our own charts: a change of values alone that may cut the pod network is told, and one that does not is not.
func TestChangesOfAnOperatorsValuesAreJudgedByTheirRenders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addOn, version string
		on             catalog.NetworkType
		rows           map[string]settingsRow
	}{
		{"Flannel", "0.27.3", catalog.FlannelOverlay, flannelSettings},
		{"Calico", "3.31.5", catalog.FlannelOverlay, calicoSettingsOf},
		{"OciVcnIpNative", "3.3.0", catalog.OCIVCNIPNative, vcnNativeSettings},
	} {
		a, ok := shippedCatalog(t).AddOn(c.addOn)
		if !ok {
			t.Fatalf("no add-on %s", c.addOn)
		}
		for name, row := range c.rows {
			t.Run(c.addOn+", "+name, func(t *testing.T) {
				t.Parallel()
				pods := row.pods
				if pods == nil {
					pods = []string{"10.244.0.0/16"}
				}
				s := render.Settings{Kubernetes: version.MustParse("v1.34.2"), NetworkType: c.on, PodCIDRs: pods, Values: row.before}
				m := hazardMove{addOn: a, to: c.version, before: printOf(t, a, c.version, s)}
				s.Values = row.after
				m.after = printOf(t, a, c.version, s)
				m.in = moving(c.on, c.version, c.version)
				m.in.Change.Digest = "digest of other values"
				forwarding(&m, "DROP", "DROP", "DROP")
				if diff := cmp.Diff(row.says, strings.Join(checksOf(m.find("known-hazards")), " ")); diff != "" {
					t.Errorf("said (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func checksOf(findings []plan.Finding) []string {
	var out []string
	for _, f := range findings {
		name := f.Check
		if f.Blocking {
			name += "!"
		}
		out = append(out, name)
	}
	return out
}
