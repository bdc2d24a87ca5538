package plan

import (
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/version"
)

// Input is everything a plan depends on. Two equal inputs give two equal plans.
type Input struct {
	// Now is the observer's clock.
	Now time.Time
	// Cluster as observed.
	Cluster Cluster
	// Nodes as observed, in any order.
	Nodes []noderoll.Node
	// AddOn asked about; empty means the CNI add-on of the network type.
	AddOn string
	// MinimumAge that automatic mode wants of a release, by its day; 0 means none. It does not apply to installing.
	MinimumAge time.Duration
	// Desired is the recorded wish; zero when nothing is recorded.
	Desired Desired
	// Held releases, as recorded.
	Held []Held
	// Request is what a caller asks beyond the record; zero in the loop, which only follows the record.
	Request Request
	// Installed is what is live of the add-on.
	Installed Installed
	// Record is what the release storage says.
	Record Record
	// Change holds the facts of rendering the target against the live cluster; zero when nothing was rendered.
	Change Change
	// Catalog of add-ons and releases.
	Catalog *catalog.Catalog
}

// Cluster is what was observed of the cluster as a whole.
type Cluster struct {
	// Name of the record.
	Name string
	// Kubernetes is the API server's version.
	Kubernetes version.Version
	// UID of the namespace kube-system, which stands for the cluster's identity.
	UID string
	// NetworkType of the record; empty when the cluster is not registered.
	NetworkType catalog.NetworkType
	// PodCIDRs of the record; empty when not given.
	PodCIDRs []string
	// Paused clusters are looked at and never written to.
	Paused bool
	// Stamp on the target; nil when there is none.
	Stamp *Stamp
	// CNIs are the CNI workloads seen on the cluster, ours or not.
	CNIs []CNI
	// CNI is where the CNI add-on stands, for the plan of an add-on that goes beside it; nil when nobody looked.
	CNI *CNIAddOn
	// IPFamilies of the record, IPv4 and IPv6, in order of preference; empty means IPv4 alone.
	IPFamilies []string
	// Driver carries releases to the cluster: DriverHelm or DriverOKE; empty means DriverHelm.
	Driver Driver
	// Pools are the node pools as declared or read; empty when nothing is known of them.
	Pools []Pool
	// Facts that are known of the cluster beside the fields above, such as clusterType, realm and networkPolicies. What is
	// missing is unknown. Facts of nodes come from the nodes.
	Facts catalog.Facts
	// Contradictions are facts that two sources tell differently, in sentences; each begins with the fact's name.
	Contradictions []string
}

// Driver is who carries an add-on's releases to a cluster.
type Driver string

// The drivers.
const (
	// DriverHelm renders our charts and applies them.
	DriverHelm Driver = "Helm"
	// DriverOKE goes through OKE's add-on API.
	DriverOKE Driver = "OKE"
)

// Pool is a node pool.
type Pool struct {
	Name string           `json:"name"`
	Kind catalog.NodeKind `json:"kind"`
	// NetworkType of the pool; empty when it is not known.
	NetworkType catalog.NetworkType `json:"networkType,omitempty"`
}

// Stamp is the network type written on the target itself.
type Stamp struct {
	NetworkType catalog.NetworkType `json:"networkType"`
	// UID of kube-system when the stamp was made.
	UID string `json:"uid,omitempty"`
	// Cluster is the name of the record that the cluster was registered under.
	Cluster string `json:"cluster,omitempty"`
}

// CNI is a CNI workload that was recognised on the cluster.
type CNI struct {
	// Plugin in its makers' words: flannel, vcn-native, calico, cilium …
	Plugin string `json:"plugin"`
	// NetworkType that the plugin belongs to; empty for one that is no add-on of OKE.
	NetworkType catalog.NetworkType `json:"networkType,omitempty"`
	// Workload as Namespace/Name.
	Workload string `json:"workload"`
	// Ours is true when it carries our marks.
	Ours bool `json:"ours,omitempty"`
	// Owner says who seems to have put it there; empty when unknown.
	Owner string `json:"owner,omitempty"`
}

// CNIAddOn is where the add-on of the cluster's network type stands.
type CNIAddOn struct {
	// Installed is true when it runs and carries our marks.
	Installed bool
	// Settled is true when the newest recorded revision is deployed and live: every node had taken it.
	Settled bool
	// Version of the live template; empty when it is not installed.
	Version string
}

// Desired is the recorded wish for one add-on.
type Desired struct {
	// AddOn is OKE's name; empty when nothing is recorded.
	AddOn string
	// Version is the pin; empty means automatic.
	Version string
	// MoveTo is a single move of an automatic add-on.
	MoveTo string
	// Pin beside Version.
	Pin Pin
	// Accept allows one move that has no way back; zero when none is allowed.
	Accept Accept
	// Settings of the operator.
	Settings Settings
}

// Accept is an operator's word for a move that has no way back.
type Accept struct {
	// Version that the move goes to.
	Version string `json:"version,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Held is a release that a cluster was put back from: automatic mode does not choose it again until there is a newer one or
// somebody says retry.
type Held struct {
	Version string    `json:"version"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at,omitzero"`
}

// Equal tells whether two wishes are the same: times compared as instants to the second, as they are stored, settings by what
// they mean.
func (d Desired) Equal(e Desired) bool {
	return d.AddOn == e.AddOn && d.Version == e.Version && d.MoveTo == e.MoveTo && d.Pin.equal(e.Pin) && d.Accept == e.Accept &&
		d.Settings.Equal(e.Settings)
}

func (p Pin) equal(q Pin) bool {
	at, until := p.At.Unix() == q.At.Unix(), p.Until.Unix() == q.Until.Unix()
	p.At, p.Until, q.At, q.Until = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return at && until && p == q
}

// Pin says who keeps a version and why.
type Pin struct {
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Ticket string    `json:"ticket,omitempty"`
}

// Verb is what a caller asks for.
type Verb string

// The verbs. The empty verb only follows the record.
const (
	Follow   Verb = ""
	Register Verb = "register"
	Install  Verb = "install"
	Update   Verb = "update"
	SetPin   Verb = "pin"
	Unpin    Verb = "unpin"
)

// Request is what a caller asks beyond the record. Make merges it into the desired state and refuses what a rule forbids.
type Request struct {
	Verb Verb
	// NetworkType asked for; empty means the recorded one.
	NetworkType catalog.NetworkType
	// Version asked for; empty means the newest fitting one (or, with Update, on from the record).
	Version string
	// PodCIDRs asked for at registration.
	PodCIDRs []string
	// Pin to write beside Version, for Install and SetPin.
	Pin Pin
	// Accept is the operator's reason for taking a move that has no way back; empty when none was given.
	Accept string
	// Settings to change. An Update that changes them and names no version keeps the version.
	Settings SettingsChange
}

// keepsVersion tells whether settings are to change and nothing is to move that is not on its way.
func (r Request) keepsVersion() bool {
	return r.Verb == Update && r.Version == "" && !r.Settings.IsZero()
}

// Installed is what is live of the add-on on the cluster.
type Installed struct {
	// Present is true when the add-on's workload exists.
	Present bool
	// Ours is true when it carries our marks.
	Ours bool
	// Version of the live template, read from its image.
	Version string
	// Digest of the render that the workload was written from; empty when the workload is not ours.
	Digest string
	// Observed is true when the workload's controller has acted on the newest template.
	Observed bool
	// Newest is the hash of the newest ControllerRevision; empty when there is none.
	Newest string
	// Network that the live configuration names, as CIDRs; empty when there is none.
	Network []string
	// MaxUnavailable nodes that a rolling update may take down at once, as a number.
	MaxUnavailable int
}

// Status of a revision, in Helm's words.
type Status string

// The statuses that matter here; others are shown as they are.
const (
	Deployed       Status = "deployed"
	Superseded     Status = "superseded"
	Failed         Status = "failed"
	PendingInstall Status = "pending-install"
	PendingUpgrade Status = "pending-upgrade"
)

// Revision is one entry of the release storage.
type Revision struct {
	Number      int       `json:"revision"`
	Version     string    `json:"version"`
	Status      Status    `json:"status"`
	Digest      string    `json:"digest"`
	Updated     time.Time `json:"updated"`
	Description string    `json:"description,omitempty"`
}

// Record is the release storage, oldest revision first.
type Record struct {
	Revisions []Revision
}

// Last is the newest revision; zero when there is none.
func (r Record) Last() Revision {
	if len(r.Revisions) == 0 {
		return Revision{}
	}
	return r.Revisions[len(r.Revisions)-1]
}

// Deployed is the newest revision in status deployed; zero when there is none.
func (r Record) Deployed() Revision {
	for _, rev := range slices.Backward(r.Revisions) {
		if rev.Status == Deployed {
			return rev
		}
	}
	return Revision{}
}

// Action is what applying would do to one object.
type Action string

// The actions of a dry run.
const (
	Create    Action = "create"
	Configure Action = "configure"
	Unchanged Action = "unchanged"
	// Conflict : another field manager owns a field with another value.
	Conflict Action = "conflict"
	// NotOurs : the object exists and carries nobody's or somebody else's release marks.
	NotOurs Action = "not-ours"
	// Refused : the API server refuses the object.
	Refused Action = "refused"
)

// ObjectChange is the result of a dry run of one object.
type ObjectChange struct {
	// Object as "Kind name".
	Object string `json:"object"`
	Action Action `json:"action"`
	// Message of the API server, or the fields and managers in conflict.
	Message string `json:"message,omitempty"`
}

// Change is what rendering the target against the live cluster showed.
type Change struct {
	// Version that was rendered; empty when nothing was.
	Version string
	// Digest of the render.
	Digest string
	// Network that the render's net-conf names, as CIDRs; empty for add-ons without one.
	Network []string
	// Missing are the objects of the render that are not on the cluster, as "Kind name".
	Missing []string
	// MissingRights of our own user for the writes of this change, as "verb resource" sentences.
	MissingRights []string
	// Objects in the order of writing; nil when the live objects are already those of this render.
	Objects []ObjectChange
	// From is the footprint of what is live, as recorded when it was written; nil when nothing is, or it is not known.
	From *catalog.Footprint
	// To is the footprint of the render; nil when nothing was rendered.
	To *catalog.Footprint
	// Unrenderable says why the target cannot be rendered, such as a chart that this build does not have; empty when it can.
	Unrenderable string
	// Findings of the render itself, such as settings that it cannot be made with.
	Findings []Finding
	// Unset is the digest of the live release rendered without an operator's settings, where nothing is recorded of an add-on
	// that we installed; else empty.
	Unset string
}
