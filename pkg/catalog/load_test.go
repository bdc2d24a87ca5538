package catalog_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the wanted faults in testdata")

func sprint(v any) string { return fmt.Sprint(v) }

// Each testdata/*.txtar is a catalog with prose; its file "want" holds the
// faults that Load must report, one a line, all at once.
func TestLoadReportsEveryFaultWithFileFieldAndValue(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(script)
			if err != nil {
				t.Fatal(err)
			}
			fsys, want := split(t, archive)
			c, err := catalog.Load(fsys)
			if err == nil || c != nil {
				t.Fatalf("got catalog %v and error %v, want an error alone", c, err)
			}
			compare(t, script, archive, want, err.Error()+"\n")
		})
	}
}

// split takes the wanted text from an archive and makes a file system of the rest.
func split(t *testing.T, archive *txtar.Archive) (fsys fstest.MapFS, want *txtar.File) {
	t.Helper()
	fsys = fstest.MapFS{}
	for i, file := range archive.Files {
		if file.Name == "want" {
			want = &archive.Files[i]
			continue
		}
		fsys[file.Name] = &fstest.MapFile{Data: file.Data}
	}
	if want == nil {
		t.Fatal(`no file "want"`)
	}
	return fsys, want
}

// facts are the names that the message of an unknown fact lists.
func facts() string {
	var names []string
	for _, f := range catalog.FactNames() {
		names = append(names, string(f))
	}
	return strings.Join(names, " or ")
}

func compare(t *testing.T, script string, archive *txtar.Archive, want *txtar.File, got string) {
	t.Helper()
	if *update {
		want.Data = []byte(got)
		if err := os.WriteFile(script, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want.Data), got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// The complete catalog with one line changed: each row is one kind of fault, and
// nothing else may be reported beside it.
func TestLoadNamesTheOneFaultOfAChangedLine(t *testing.T) {
	t.Parallel()
	const (
		addOn, release = "flannel/addon.yaml", "flannel/releases/0.27.3.yaml"
		block, hazard  = "flannel/blocked/vxlan-port-lost.yaml", "flannel/hazards/egress-gap-on-stop.yaml"
		calico         = "calico/addon.yaml"
	)
	tests := map[string]struct{ file, old, new, want string }{
		"an unknown kind":                           {addOn, "kind: AddOn", "kind: Addon", `flannel/addon.yaml: kind: "Addon": want AddOn`},
		"a newer format":                            {release, "io/v1alpha1", "io/v1", `flannel/releases/0.27.3.yaml: apiVersion: "catalog.addonctl.io/v1": want catalog.addonctl.io/v1alpha1`},
		"a name with a dash":                        {addOn, "name: Flannel\n", "name: Flan-nel\n", `flannel/addon.yaml: name: "Flan-nel": want the form ^[A-Za-z][A-Za-z0-9]*$`},
		"a name in the wrong folder":                {addOn, "name: Flannel\n", "name: OciVcnIpNative\n", `flannel/addon.yaml: name: "OciVcnIpNative": lies in folder "flannel", want "oci-vcn-ip-native"`},
		"an unknown network type":                   {addOn, "FLANNEL_OVERLAY", "FLANNEL", `flannel/addon.yaml: networkType: "FLANNEL": want FLANNEL_OVERLAY or OCI_VCN_IP_NATIVE`},
		"another kind of workload":                  {addOn, "DaemonSet\n", "Deployment\n", `flannel/addon.yaml: workload.kind: "Deployment": want DaemonSet`},
		"a node kind twice":                         {addOn, "SelfManaged]", "Managed]", `flannel/addon.yaml: nodeKinds[1]: "Managed": given twice`},
		"no chart":                                  {addOn, "chart: flannel", "chart:", `flannel/addon.yaml: chart: missing`},
		"an unknown field":                          {release, "mechanism:", "mecanism: x\nmechanism:", `flannel/releases/0.27.3.yaml: mecanism: unknown field`},
		"an unknown inner field":                    {release, "minimal:", "minimum: x\n  minimal:", `flannel/releases/0.27.3.yaml: kubernetes.minimum: unknown field`},
		"a version of another file":                 {release, `version: "0.27.3"`, `version: "0.27.4"`, `flannel/releases/0.27.3.yaml: version: "0.27.4": differs from the file's name "0.27.3"`},
		"no version":                                {release, `version: "0.27.3"`, ``, `flannel/releases/0.27.3.yaml: version: missing`},
		"a number for a version":                    {release, `minimal: "1.34"`, `minimal: 1.30`, `flannel/releases/0.27.3.yaml: kubernetes.minimal: "1.3": not text, write it in quotes`},
		"a bound that is no version":                {release, `minimal: "1.34"`, `maximum: "latest"`, `flannel/releases/0.27.3.yaml: kubernetes.maximum: "latest": parsing version "latest": want major.minor or major.minor.patch, got "latest"`},
		"bounds the wrong way round":                {release, `minimal: "1.34"`, `{minimal: "1.34", maximum: "1.33"}`, `flannel/releases/0.27.3.yaml: kubernetes.minimal: "1.34": minimal 1.34 is later than maximum 1.33`},
		"an empty exact version":                    {release, `minimal: "1.34"`, `exact: [""]`, `flannel/releases/0.27.3.yaml: kubernetes.exact[0]: missing`},
		"a listed patch":                            {release, `"1.35"`, `"1.35.2"`, `flannel/releases/0.27.3.yaml: listedFor[1]: "1.35.2": parsing minor version "1.35.2": "35.2" is not a number`},
		"a listed number":                           {release, `"1.35"`, `1.35`, `flannel/releases/0.27.3.yaml: listedFor[1]: "1.35": not text, write it in quotes`},
		"a minor listed twice":                      {release, `"1.35"`, `"1.34"`, `flannel/releases/0.27.3.yaml: listedFor[1]: "1.34": given twice`},
		"an unknown status":                         {release, "ACTIVE", "Active", `flannel/releases/0.27.3.yaml: status: "Active": want ACTIVE or DEPRECATED or PREVIEW or RECALLED`},
		"no status":                                 {release, "status: ACTIVE", "", `flannel/releases/0.27.3.yaml: status: missing, want ACTIVE or DEPRECATED or PREVIEW or RECALLED`},
		"an unknown mechanism":                      {release, "RollingUpdate", "Recreate", `flannel/releases/0.27.3.yaml: mechanism: "Recreate": want RollingUpdate or OnDelete or OnReboot`},
		"an unknown confidence":                     {release, "documented", "sure", `flannel/releases/0.27.3.yaml: confidence: "sure": want documented or observed or inferred`},
		"a day that is none":                        {release, "status:", "released: 2025-02-30\nstatus:", `flannel/releases/0.27.3.yaml: released: "2025-02-30": want a day such as 2025-08-08`},
		"a bad chart":                               {release, "status:", "chart: ../x\nstatus:", `flannel/releases/0.27.3.yaml: chart: "../x": want the form ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`},
		"an image without name":                     {release, "name: flannel\n", "name: ''\n", `flannel/releases/0.27.3.yaml: images[0].name: missing`},
		"an image without reference":                {release, "ref: ghcr.io/flannel-io/flannel:v0.27.3", "ref:", `flannel/releases/0.27.3.yaml: images[0].ref: missing`},
		"an image without tag":                      {release, "flannel:v0.27.3", "flannel", `flannel/releases/0.27.3.yaml: images[0].ref: "ghcr.io/flannel-io/flannel": has neither tag nor digest`},
		"an image without registry":                 {release, "ghcr.io/flannel-io/flannel:v0.27.3", "flannel:v0.27.3", `flannel/releases/0.27.3.yaml: images[0].ref: "flannel:v0.27.3": want registry/path with a tag or digest`},
		"an image given twice":                      {release, "name: flannel-cni-plugin", "name: flannel", `flannel/releases/0.27.3.yaml: images[1].name: "flannel": given twice`},
		"a reserved value":                          {release, "mechanism:", "values: {version: x}\nmechanism:", `flannel/releases/0.27.3.yaml: values.version: reserved, it is set from the release's own fields`},
		"a doubled field":                           {release, "mechanism:", "status: PREVIEW\nmechanism:", `flannel/releases/0.27.3.yaml: reading YAML: yaml: unmarshal errors: line 8: key "status" already set in map`},
		"a list where text is wanted":               {release, "status: ACTIVE", "status: [ACTIVE]", `flannel/releases/0.27.3.yaml: status: "array": want string`},
		"text where a list is wanted":               {addOn, "[Managed, SelfManaged]", "Managed", `flannel/addon.yaml: nodeKinds: "string": want slice`},
		"a workload without container":              {addOn, "  container: kube-flannel\n", "", `flannel/addon.yaml: workload.container: missing`},
		"an add-on for no network":                  {calico, "beside: [OCI_VCN_IP_NATIVE, FLANNEL_OVERLAY]\n", "", `calico/addon.yaml: beside: missing, want at least one network type, for there is no networkType`},
		"a CNI beside another":                      {addOn, "chart: flannel", "beside: [OCI_VCN_IP_NATIVE]\nchart: flannel", `flannel/addon.yaml: beside: "OCI_VCN_IP_NATIVE": not allowed, for the add-on is the CNI of FLANNEL_OVERLAY`},
		"beside an unknown network type":            {calico, "OCI_VCN_IP_NATIVE", "NATIVE", `calico/addon.yaml: beside[0]: "NATIVE": want FLANNEL_OVERLAY or OCI_VCN_IP_NATIVE`},
		"beside a network type twice":               {calico, "OCI_VCN_IP_NATIVE", "FLANNEL_OVERLAY", `calico/addon.yaml: beside[1]: "FLANNEL_OVERLAY": given twice`},
		"a step of less than none":                  {addOn, "maxMinorStep: 2", "maxMinorStep: -1", `flannel/addon.yaml: moves.maxMinorStep: "-1": want 0 or more`},
		"a stop without an end":                     {addOn, `, maximum: "0.26.7"}`, "}", `flannel/addon.yaml: moves.stops[1].at: missing, a stop needs both minimal and maximum`},
		"a stop without a beginning":                {addOn, `minimal: "0.26.2", `, "", `flannel/addon.yaml: moves.stops[1].at: missing, a stop needs both minimal and maximum`},
		"a stop the wrong way round":                {addOn, `"0.26.7"`, `"0.26.1"`, `flannel/addon.yaml: moves.stops[1].at.minimal: "0.26.2": minimal 0.26.2 is later than maximum 0.26.1`},
		"stops in the wrong order":                  {addOn, `"0.26.2", maximum`, `"0.24.0", maximum`, `flannel/addon.yaml: moves.stops[1].at.minimal: "0.24.0": not later than the stop before it, which ends with 0.25`},
		"stops that overlap within a minor":         {addOn, `"0.26.2", maximum`, `"0.25.9", maximum`, `flannel/addon.yaml: moves.stops[1].at.minimal: "0.25.9": not later than the stop before it, which ends with 0.25`},
		"a stop at a number":                        {addOn, `minimal: "0.25.0"`, `minimal: 0.25`, `flannel/addon.yaml: moves.stops[0].at.minimal: "0.25": not text, write it in quotes`},
		"a stop whose reason is no name":            {addOn, "MechanismChange", "mechanism change", `flannel/addon.yaml: moves.stops[0].reason: "mechanism change": want the form ^[A-Z][A-Za-z0-9]*$`},
		"a stop without a reason":                   {addOn, "      reason: MechanismChange\n", "", `flannel/addon.yaml: moves.stops[0].reason: missing`},
		"a stop without a message":                  {addOn, "      message: The device gets another name.\n", "", `flannel/addon.yaml: moves.stops[1].message: missing`},
		"a stop with a plain address":               {addOn, "https://example.org/device", "http://example.org/device", `flannel/addon.yaml: moves.stops[1].url: "http://example.org/device": want the form ^https://[A-Za-z0-9.-]+(:[0-9]+)?(/\S*)?$`},
		"two stops of one reason":                   {addOn, "DeviceChange", "MechanismChange", `flannel/addon.yaml: moves.stops[1].reason: "MechanismChange": also in flannel/addon.yaml`},
		"a stop with a block's name":                {addOn, "DeviceChange", "VXLANPortLost", `flannel/blocked/vxlan-port-lost.yaml: name: "VXLANPortLost": also in flannel/addon.yaml`},
		"a stop with a hazard's name":               {addOn, "DeviceChange", "AddressesLeak", `flannel/hazards/addresses-leak.yaml: name: "AddressesLeak": also in flannel/addon.yaml`},
		"no rules for the way back":                 {calico, "  back:\n    - class: Reversible\n      message: Nothing is lost.\n", "  back: []\n", `calico/addon.yaml: moves.back: missing, want at least one rule that says how a move can be taken back`},
		"no moves":                                  {calico, "moves:\n  back:\n    - class: Reversible\n      message: Nothing is lost.\n", "", `calico/addon.yaml: moves.back: missing, want at least one rule that says how a move can be taken back`},
		"a last rule that crosses":                  {calico, "- class", "- crossing: \"3.31\"\n      class", `calico/addon.yaml: moves.back[0]: the last rule must match every move, so it has neither crossing nor withinMinor`},
		"a last rule within a minor":                {calico, "- class", "- withinMinor: true\n      class", `calico/addon.yaml: moves.back[0]: the last rule must match every move, so it has neither crossing nor withinMinor`},
		"a rule that hides those behind it":         {addOn, "withinMinor: true\n      class", "class", `flannel/addon.yaml: moves.back[1]: matches every move, so that the rules behind it are never used`},
		"a rule that crosses a number":              {addOn, `crossing: "0.26.0"`, `crossing: 0.26`, `flannel/addon.yaml: moves.back[0].crossing: "0.26": not text, write it in quotes`},
		"an unknown class":                          {addOn, "class: OneWay", "class: oneWay", `flannel/addon.yaml: moves.back[2].class: "oneWay": want Reversible or ReversibleWithLoss or OneWay`},
		"a rule without a class":                    {addOn, "class: ReversibleWithLoss\n      ", "", `flannel/addon.yaml: moves.back[0].class: missing, want Reversible or ReversibleWithLoss or OneWay`},
		"a rule without a message":                  {calico, "message: Nothing is lost.", "message: ''", `calico/addon.yaml: moves.back[0].message: missing`},
		"an unknown class until settled":            {addOn, "untilSettled: ReversibleWithLoss", "untilSettled: Lossy", `flannel/addon.yaml: moves.back[2].untilSettled: "Lossy": want Reversible or ReversibleWithLoss or OneWay`},
		"a class until settled that is no better":   {addOn, "untilSettled: ReversibleWithLoss", "untilSettled: OneWay", `flannel/addon.yaml: moves.back[2].untilSettled: "OneWay": want a better class than OneWay`},
		"a class until settled that is worse":       {addOn, "class: Reversible\n", "class: Reversible\n      untilSettled: OneWay\n", `flannel/addon.yaml: moves.back[1].untilSettled: "OneWay": want a better class than Reversible`},
		"a configuration without a key":             {addOn, "key: tolerations", "key: ''", `flannel/addon.yaml: configurations[0].key: missing`},
		"a key with a space":                        {addOn, "key: tolerations", "key: node tolerations", `flannel/addon.yaml: configurations[0].key: "node tolerations": want the form ^[A-Za-z][A-Za-z0-9._-]*$`},
		"a key twice for some releases":             {addOn, "key: kube-flannel.ContainerResources", "key: rollingUpdate", `flannel/addon.yaml: configurations[2].key: "rollingUpdate": given twice for release 0.26.2`},
		"a key since a number":                      {addOn, `since: "0.26.2"`, "since: 0.26", `flannel/addon.yaml: configurations[1].since: "0.26": not text, write it in quotes`},
		"a key until what is no version":            {addOn, `until: "0.26"`, "until: always", `flannel/addon.yaml: configurations[2].until: "always": parsing version "always": want major.minor or major.minor.patch, got "always"`},
		"a key that ends before it begins":          {addOn, `until: "0.26"`, `until: "0.26"` + "\n    since: \"0.27.0\"", `flannel/addon.yaml: configurations[2].since: "0.27.0": later than until 0.26`},
		"a key without a schema":                    {addOn, `    since: "0.26.2"` + "\n    schema: {type: object}\n", "", `flannel/addon.yaml: configurations[1].schema: missing`},
		"a schema with an unknown type":             {addOn, "items: {type: object}", "items: {type: struct}", `flannel/addon.yaml: configurations[0].schema: compiling JSON Schema: at '/items/type': got string, want array; at '/items/type': value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'`},
		"a schema with a bad pattern":               {addOn, "items: {type: object}", "items: {pattern: '('}", `flannel/addon.yaml: configurations[0].schema: compiling JSON Schema: at '/items/pattern': '(' is not valid regex: error parsing regexp: missing closing ): ` + "`(`"},
		"a schema that points nowhere":              {addOn, "items: {type: object}", "items: {$ref: '#/$defs/toleration'}", `flannel/addon.yaml: configurations[0].schema: compiling JSON Schema: json-pointer in "catalog:///schema#/$defs/toleration" not found`},
		"a schema from the network":                 {addOn, "items: {type: object}", "items: {$ref: 'https://example.org/schema.json'}", `flannel/addon.yaml: configurations[0].schema: compiling JSON Schema: failing loading "https://example.org/schema.json": a schema may not refer to another document`},
		"a schema from a file":                      {addOn, "items: {type: object}", "items: {$ref: 'file:///etc/hostname'}", `flannel/addon.yaml: configurations[0].schema: compiling JSON Schema: failing loading "file:///etc/hostname": a schema may not refer to another document`},
		"a schema from a file beside it":            {addOn, "items: {type: object}", "items: {$ref: toleration.json}", `flannel/addon.yaml: configurations[0].schema: compiling JSON Schema: failing loading "catalog:///toleration.json": a schema may not refer to another document`},
		"a schema of an unknown kind":               {addOn, "items: {type: object}", "$schema: 'https://example.org/schema'", `flannel/addon.yaml: configurations[0].schema: compiling JSON Schema: failing loading "https://example.org/schema": a schema may not refer to another document`},
		"a kernel that is a number":                 {release, `kernel: "5.10"`, "kernel: 5.10", `flannel/releases/0.27.3.yaml: nodes.kernel: "5.1": not text, write it in quotes`},
		"a kernel that is no version":               {release, `kernel: "5.10"`, "kernel: new", `flannel/releases/0.27.3.yaml: nodes.kernel: "new": parsing version "new": want major.minor or major.minor.patch, got "new"`},
		"an operating system in capitals":           {release, "os: [linux]", "os: [Linux]", `flannel/releases/0.27.3.yaml: nodes.os[0]: "Linux": want the form ^[a-z0-9][a-z0-9_-]*$`},
		"an architecture twice":                     {release, "arm64", "amd64", `flannel/releases/0.27.3.yaml: nodes.architectures[1]: "amd64": given twice`},
		"a module without a name":                   {release, "[br_netfilter]", "['']", `flannel/releases/0.27.3.yaml: nodes.modules[0]: missing`},
		"an unknown iptables":                       {release, "[nft, legacy]", "[nftables]", `flannel/releases/0.27.3.yaml: nodes.iptables[0]: "nftables": want legacy or nft`},
		"an unknown realm":                          {release, "OC2", "oc2", `flannel/releases/0.27.3.yaml: realms[0]: "oc2": want the form ^OC[1-9][0-9]*$`},
		"a realm twice":                             {release, "OC2", "OC1", `flannel/releases/0.27.3.yaml: realms[1]: "OC1": given twice`},
		"a digest of another kind":                  {release, "sha256:0000", "md5:0000", `flannel/releases/0.27.3.yaml: renders[0].digest: "md5:0000000000000000000000000000000000000000000000000000000000000000": want the form ^sha256:[0-9a-f]{64}$`},
		"a chart that is no version":                {release, "chart: 1.0.0", "chart: v1", `flannel/releases/0.27.3.yaml: renders[0].chart: "v1": want the form ^(0|[1-9][0-9]*)([.](0|[1-9][0-9]*)){2}$`},
		"a chart frozen twice":                      {release, "renders:\n", "renders:\n  - {chart: 1.0.0, digest: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}\n", `flannel/releases/0.27.3.yaml: renders[1].chart: "1.0.0": given twice`},
		"a block that is a hazard":                  {block, "kind: Block", "kind: Hazard", `flannel/blocked/vxlan-port-lost.yaml: kind: "Hazard": want Block`},
		"a block without a name":                    {block, "name: VXLANPortLost\n", "", `flannel/blocked/vxlan-port-lost.yaml: name: missing`},
		"a block whose name is no name":             {block, "VXLANPortLost", "vxlan-port-lost", `flannel/blocked/vxlan-port-lost.yaml: name: "vxlan-port-lost": want the form ^[A-Z][A-Za-z0-9]*$`},
		"a block of another file":                   {block, "VXLANPortLost", "VXLANPortGone", `flannel/blocked/vxlan-port-lost.yaml: name: "VXLANPortGone": lies in file "vxlan-port-lost.yaml", want "vxlan-port-gone.yaml"`},
		"a block that enters nothing":               {block, `to: {minimal: "0.26.0", maximum: "0.26.1"}` + "\n", "", `flannel/blocked/vxlan-port-lost.yaml: to: missing, want minimal or maximum or both`},
		"a block that enters the wrong way round":   {block, `"0.26.1"`, `"0.25.1"`, `flannel/blocked/vxlan-port-lost.yaml: to.minimal: "0.26.0": minimal 0.26.0 is later than maximum 0.25.1`},
		"a block that leaves a number":              {block, `from: {maximum: "0.25"}`, "from: {maximum: 0.25}", `flannel/blocked/vxlan-port-lost.yaml: from.maximum: "0.25": not text, write it in quotes`},
		"a block without a message":                 {block, "message: Nodes stop hearing each other.\n", "", `flannel/blocked/vxlan-port-lost.yaml: message: missing`},
		"a block with white space for a message":    {block, "message: Nodes stop hearing each other.", "message: ' '", `flannel/blocked/vxlan-port-lost.yaml: message: " ": empty`},
		"a block without an address":                {block, "url: https://example.org/issues/1\n", "", `flannel/blocked/vxlan-port-lost.yaml: url: missing`},
		"a block with a plain address":              {block, "https://", "http://", `flannel/blocked/vxlan-port-lost.yaml: url: "http://example.org/issues/1": want the form ^https://[A-Za-z0-9.-]+(:[0-9]+)?(/\S*)?$`},
		"a block nobody has looked at":              {block, `reviewed: "2026-11-22"`, "", `flannel/blocked/vxlan-port-lost.yaml: reviewed: missing, want a day such as 2025-08-08`},
		"a block looked at on no day":               {block, `"2026-11-22"`, `"2026-11-31"`, `flannel/blocked/vxlan-port-lost.yaml: reviewed: "2026-11-31": want a day such as 2025-08-08`},
		"a block looked at in a year":               {block, `"2026-11-22"`, `2026`, `flannel/blocked/vxlan-port-lost.yaml: reviewed: "2026": not text, write it in quotes`},
		"a condition without a fact":                {block, "fact: iptables\n    notIn", "notIn", `flannel/blocked/vxlan-port-lost.yaml: when[0].fact: missing, want ` + facts()},
		"a condition on an unknown fact":            {block, "fact: iptables", "fact: ipTables", `flannel/blocked/vxlan-port-lost.yaml: when[0].fact: "ipTables": want ` + facts()},
		"a condition that asks nothing":             {block, "    notIn: [nft]\n", "", `flannel/blocked/vxlan-port-lost.yaml: when[0]: want exactly one of in, notIn, below, atLeast`},
		"a condition with an empty list":            {block, "notIn: [nft]", "notIn: []", `flannel/blocked/vxlan-port-lost.yaml: when[0]: want exactly one of in, notIn, below, atLeast`},
		"a condition that asks twice":               {block, "notIn: [nft]", "notIn: [nft]\n    in: [legacy]", `flannel/blocked/vxlan-port-lost.yaml: when[0]: "in and notIn": want exactly one of in, notIn, below, atLeast`},
		"a condition with two bounds":               {block, `below: "5.10"`, `below: "5.10"` + "\n    atLeast: \"5.4\"", `flannel/blocked/vxlan-port-lost.yaml: when[1]: "below and atLeast": want exactly one of in, notIn, below, atLeast`},
		"a version asked of what is none":           {block, "notIn: [nft]", `below: "1.8"`, `flannel/blocked/vxlan-port-lost.yaml: when[0].below: "1.8": fact iptables is no version, want in or notIn`},
		"a bound that is a number":                  {block, `below: "5.10"`, "below: 5.10", `flannel/blocked/vxlan-port-lost.yaml: when[1].below: "5.1": not text, write it in quotes`},
		"a bound of a condition that is no version": {hazard, `atLeast: "1.31"`, "atLeast: new", `flannel/hazards/egress-gap-on-stop.yaml: when[1].atLeast: "new": parsing version "new": want major.minor or major.minor.patch, got "new"`},
		"a condition on a misspelt value":           {block, "[nft]", "[NFT]", `flannel/blocked/vxlan-port-lost.yaml: when[0].notIn[0]: "NFT": want legacy or nft`},
		"a condition on a number that is none":      {hazard, `["0", "1"]`, `["0", "some"]`, `flannel/hazards/egress-gap-on-stop.yaml: when[0].in[1]: "some": want the form ^(0|[1-9][0-9]*)$`},
		"a condition on a bare number":              {hazard, `["0", "1"]`, `["0", 1]`, `flannel/hazards/egress-gap-on-stop.yaml: when[0].in[1]: "1": not text, write it in quotes`},
		"a condition on a value twice":              {hazard, `["0", "1"]`, `["0", "0"]`, `flannel/hazards/egress-gap-on-stop.yaml: when[0].in[1]: "0": given twice`},
		"a condition on what is unknown":            {hazard, "fact: networkPolicies\n    in: [\"0\", \"1\"]", "fact: realm\n    in: ['']", `flannel/hazards/egress-gap-on-stop.yaml: when[0].in[0]: missing`},
		"a hazard that is a block":                  {hazard, "kind: Hazard", "kind: Block", `flannel/hazards/egress-gap-on-stop.yaml: kind: "Block": want Hazard`},
		"a hazard of another file":                  {hazard, "name: EgressGapOnStop", "name: EgressGap", `flannel/hazards/egress-gap-on-stop.yaml: name: "EgressGap": lies in file "egress-gap-on-stop.yaml", want "egress-gap.yaml"`},
		"a hazard that leaves the wrong way round":  {hazard, `"0.26.7"`, `"0.24.7"`, `flannel/hazards/egress-gap-on-stop.yaml: from.minimal: "0.25.0": minimal 0.25.0 is later than maximum 0.24.7`},
		"a hazard of no move":                       {"flannel/hazards/addresses-leak.yaml", `to: {maximum: "0.27"}`, "", `flannel/hazards/addresses-leak.yaml: from: missing, want from or to or both`},
		"a hazard on each install, said twice":      {"flannel/hazards/addresses-leak.yaml", "effect:", "onInstall: true\neffect:", `flannel/hazards/addresses-leak.yaml: onInstall: "true": only allowed with from, for without it every installation is meant`},
		"a hazard without effect":                   {hazard, "effect: Pods on the node that changes lose packets for a second.\n", "", `flannel/hazards/egress-gap-on-stop.yaml: effect: missing`},
		"a hazard without mitigation":               {hazard, "mitigation: Change one node at a time.\n", "", `flannel/hazards/egress-gap-on-stop.yaml: mitigation: missing`},
		"a hazard with a bad address":               {hazard, "https://example.org/issues/2", "example.org", `flannel/hazards/egress-gap-on-stop.yaml: url: "example.org": want the form ^https://[A-Za-z0-9.-]+(:[0-9]+)?(/\S*)?$`},
		"a hazard outside of the failure catalogue": {hazard, "catalogue: [B16, B2]\n", "", `flannel/hazards/egress-gap-on-stop.yaml: catalogue: missing, want at least one`},
		"a hazard of another catalogue":             {hazard, "B16", "A1.4", `flannel/hazards/egress-gap-on-stop.yaml: catalogue[0]: "A1.4": want the form ^B[0-9]+$`},
		"a hazard with an entry twice":              {hazard, "B2]", "B16]", `flannel/hazards/egress-gap-on-stop.yaml: catalogue[1]: "B16": given twice`},
		"a hazard without a source":                 {hazard, "sources: [a test]\n", "", `flannel/hazards/egress-gap-on-stop.yaml: sources: missing, want at least one`},
		"an unknown field of a hazard":              {hazard, "blocking:", "bloking: true\nblocking:", `flannel/hazards/egress-gap-on-stop.yaml: bloking: unknown field`},
		"an unknown field of a condition":           {block, "notIn: [nft]", "notIn: [nft]\n    out: [nft]", `flannel/blocked/vxlan-port-lost.yaml: when[0].out: unknown field`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := complete(t)
			before := string(fsys[tt.file].Data)
			after := strings.Replace(before, tt.old, tt.new, 1)
			if before == after {
				t.Fatalf("%s does not hold %q", tt.file, tt.old)
			}
			fsys[tt.file] = &fstest.MapFile{Data: []byte(after)}
			_, err := catalog.Load(fsys)
			if err == nil {
				t.Fatal("no fault was reported")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadNamesFilesThatAreMissingOrTooMany(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(fstest.MapFS)
		want   string
	}{
		"no add-on at all": {
			func(fsys fstest.MapFS) { clear(fsys) },
			`.: no add-on`,
		},
		"no addon.yaml": {
			func(fsys fstest.MapFS) { delete(fsys, "flannel/addon.yaml") },
			`flannel/addon.yaml: reading: file does not exist`,
		},
		"no release": {
			func(fsys fstest.MapFS) {
				for _, v := range []string{"0.24.4", "0.26.2", "0.27.3"} {
					delete(fsys, "flannel/releases/"+v+".yaml")
				}
			},
			`flannel/releases: no release`,
		},
		"a misspelt folder": {
			func(fsys fstest.MapFS) { fsys["flannel/release/0.28.0.yaml"] = &fstest.MapFile{} },
			`flannel/release: stray, nothing reads it`,
		},
		"a release with the wrong ending": {
			func(fsys fstest.MapFS) { fsys["flannel/releases/0.28.0.yml"] = &fstest.MapFile{} },
			`flannel/releases/0.28.0.yml: stray, nothing reads it`,
		},
		"a block with the wrong ending": {
			func(fsys fstest.MapFS) { fsys["flannel/blocked/x.yml"] = &fstest.MapFile{} },
			`flannel/blocked/x.yml: stray, nothing reads it`,
		},
		"a folder among the hazards": {
			func(fsys fstest.MapFS) { fsys["flannel/hazards/old/x.yaml"] = &fstest.MapFile{} },
			`flannel/hazards/old: stray, nothing reads it`,
		},
		"a misspelt folder of blocks": {
			func(fsys fstest.MapFS) { fsys["flannel/blocks/x.yaml"] = &fstest.MapFile{} },
			`flannel/blocks: stray, nothing reads it`,
		},
		"an empty block": {
			func(fsys fstest.MapFS) {
				fsys["flannel/blocked/x.yaml"] = &fstest.MapFile{Data: []byte("name: [X]")}
			},
			`flannel/blocked/x.yaml: name: "array": want string`,
		},
		"a file that nobody has written by hand": {
			func(fsys fstest.MapFS) {
				fsys["flannel/blocked/x.yaml"] = &fstest.MapFile{Data: []byte(strings.Repeat("#\n", 140_000))}
			},
			`flannel/blocked/x.yaml: longer than 262144 bytes`,
		},
		"a block and a hazard of one name": {
			func(fsys fstest.MapFS) {
				fsys["flannel/hazards/vxlan-port-lost.yaml"] = renamed(fsys["flannel/hazards/addresses-leak.yaml"], "AddressesLeak", "VXLANPortLost")
			},
			`flannel/hazards/vxlan-port-lost.yaml: name: "VXLANPortLost": also in flannel/blocked/vxlan-port-lost.yaml`,
		},
		"one version twice": {
			func(fsys fstest.MapFS) {
				fsys["flannel/releases/v0.26.2.yaml"] = renamed(fsys["flannel/releases/0.26.2.yaml"], `version: "0.26.2"`, `version: v0.26.2`)
			},
			`flannel/releases/v0.26.2.yaml: version: "v0.26.2": is the same release as "0.26.2"`,
		},
		"two add-ons for one network type": {
			func(fsys fstest.MapFS) {
				fsys["other/addon.yaml"] = renamed(fsys["flannel/addon.yaml"], "name: Flannel", "name: Other")
				fsys["other/releases/0.26.2.yaml"] = fsys["flannel/releases/0.26.2.yaml"]
			},
			`other/addon.yaml: networkType: "FLANNEL_OVERLAY": also in flannel/addon.yaml`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := complete(t)
			tt.change(fsys)
			_, err := catalog.Load(fsys)
			if err == nil {
				t.Fatal("no fault was reported")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesForTheReaderArePassedOver(t *testing.T) {
	t.Parallel()
	fsys := complete(t)
	fsys["embed.go"] = &fstest.MapFile{Data: []byte("package addons")}
	fsys["flannel/README.md"] = &fstest.MapFile{Data: []byte("# Flannel")}
	if _, err := catalog.Load(fsys); err != nil {
		t.Error(err)
	}
}

func renamed(file *fstest.MapFile, from, to string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(strings.Replace(string(file.Data), from, to, 1))}
}

// complete is testdata/sound/complete.txtar, for a test to change.
func complete(tb testing.TB) fstest.MapFS {
	tb.Helper()
	archive, err := txtar.ParseFile("testdata/sound/complete.txtar")
	if err != nil {
		tb.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for _, file := range archive.Files {
		fsys[file.Name] = &fstest.MapFile{Data: file.Data}
	}
	return fsys
}
