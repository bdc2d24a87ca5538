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
	// Roll is what a roll of the nodes remembers, on the workload itself; zero when none was begun.
	Roll noderoll.Record
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
	// Guard is where the admission policies stand that protect the CNI.
	Guard Guard
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

// Guard is where the admission policies stand that protect the CNI's objects (docs/guard.md).
type Guard struct {
	// Unsupported is true where the API server knows no ValidatingAdmissionPolicy, before Kubernetes 1.30.
	Unsupported bool `json:"unsupported,omitempty"`
	// Wrong are those of its objects that are missing or were changed, as "Kind name".
	Wrong []string `json:"wrong,omitempty"`
	// Unknown is true where our user may not look: nothing is said about it then, and it is not restored.
	Unknown bool `json:"unknown,omitempty"`
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
	// Back is a way back that is under way, to the release that it names, or else of Version or MoveTo; zero when there is none.
	Back Back
	// Settings of the operator.
	Settings Settings
	// Conflicts says what is done about fields that somebody else owns with another value; empty means FailOnConflict.
	Conflicts ConflictPolicy
	// OnFailure says what is done when a move fails; empty means Hold.
	OnFailure OnFailure
	// NodeUpdate says how nodes follow a change of the workload; empty takes what the release's mechanism calls for.
	NodeUpdate NodeUpdate
	// Roll is how nodes are changed under RollNodes.
	Roll noderoll.Policy
	// Namespace of the add-on's objects where it is not the catalog's: an add-on that was adopted stays where it is.
	Namespace string
}

// NodeUpdate says how nodes follow a change of the workload.
type NodeUpdate string

// The ways in which nodes follow.
const (
	// RollNodes changes node by node, with a gate on each, and halts at the first that fails it.
	RollNodes NodeUpdate = "Roll"
	// ReplaceNodes deletes no pod: new nodes come with the release, and the old ones are drained.
	ReplaceNodes NodeUpdate = "Replace"
	// HoldNodes changes the workload and no node.
	HoldNodes NodeUpdate = "Hold"
	// RollingUpdate leaves it to the DaemonSet controller, which knows neither canary nor gate, until a node that it changed fails one:
	// then the controller is stopped.
	RollingUpdate NodeUpdate = "RollingUpdate"
)

// ConflictPolicy says what is done about fields that another field manager owns with another value.
type ConflictPolicy string

// The conflict policies.
const (
	// FailOnConflict writes nothing.
	FailOnConflict ConflictPolicy = "Fail"
	// Overwrite takes the fields.
	Overwrite ConflictPolicy = "Overwrite"
	// Preserve leaves the fields to their owner.
	Preserve ConflictPolicy = "Preserve"
)

// OnFailure says what is done when a move fails: nodes that do not get the release Ready in time.
type OnFailure string

// What is done when a move fails.
const (
	// Hold leaves everything as it is for somebody to look at.
	Hold OnFailure = "Hold"
	// RevertAll goes back, by itself, to the release and settings that were there before, and holds the failed release.
	RevertAll OnFailure = "RevertAll"
	// RevertNode puts back the nodes that failed, and leaves those that passed their gates with the new release.
	RevertNode OnFailure = "RevertNode"
)

// Accept is an operator's word for a move that has no way back.
type Accept struct {
	// Version that the move goes to.
	Version string `json:"version,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Back is a way back that is under way.
type Back struct {
	// Revision of the record that is gone back to.
	Revision int `json:"revision,omitempty"`
	// Leaves is the release that the cluster is put back from, which is held; empty where it is not newer and no pin, or stays.
	Leaves string `json:"leaves,omitempty"`
	// To is the release that it leads to where the wish, pinned to what it leaves, stays as it is; empty where the wish names that release.
	To string `json:"to,omitempty"`
	// Reason in a sentence.
	Reason string `json:"reason,omitempty"`
	// Nodes that are put back; the others stay with what they run. Empty puts back all of them.
	Nodes []string `json:"nodes,omitempty"`
}

// Equal tells whether two ways back are the same.
func (b Back) Equal(c Back) bool {
	return b.Revision == c.Revision && b.Leaves == c.Leaves && b.To == c.To && b.Reason == c.Reason && slices.Equal(b.Nodes, c.Nodes)
}

// Held is a release that a cluster was put back from: automatic mode does not choose it again until there is a newer one or
// somebody says retry.
type Held struct {
	Version string    `json:"version"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at,omitzero"`
	// Pinned is true where a pin asked for it, and Pin is that one: as long as it stands, it is not tried again by itself.
	Pinned bool `json:"pinned,omitempty"`
	Pin    Pin  `json:"pin,omitzero"`
}

// Equal tells whether two wishes are the same: times compared as instants to the second, as they are stored, settings by what
// they mean.
func (d Desired) Equal(e Desired) bool {
	return d.AddOn == e.AddOn && d.Version == e.Version && d.MoveTo == e.MoveTo && d.Pin.Equal(e.Pin) && d.Accept == e.Accept && d.Back.Equal(e.Back) &&
		d.Settings.Equal(e.Settings) && d.Conflicts == e.Conflicts && d.OnFailure == e.OnFailure &&
		d.NodeUpdate == e.NodeUpdate && d.Roll.Equal(e.Roll) && d.Namespace == e.Namespace
}

// Equal tells whether two pins are the same, their times to the second.
func (p Pin) Equal(q Pin) bool {
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
	// Rollback goes back to a recorded revision: its release and its settings.
	Rollback Verb = "rollback"
)

// Request is what a caller asks beyond the record. Make merges it into the desired state and refuses what a rule forbids.
type Request struct {
	Verb Verb
	// NetworkType asked for; empty means the recorded one.
	NetworkType catalog.NetworkType
	// TypeRule says in a sentence which rule chose NetworkType, and why; empty where it was given outright (TypeRules).
	TypeRule string
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
	// Revision to go back to, for Rollback, and the nodes that go back; empty takes all of them.
	Revision int
	Nodes    []string
	// Conflicts and OnFailure to record; empty keeps what is recorded.
	Conflicts ConflictPolicy
	OnFailure OnFailure
	// NodeUpdate and Roll to record; what is empty in them keeps what is recorded.
	NodeUpdate NodeUpdate
	Roll       noderoll.Policy
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
	// Revision of the release record that the workload is marked with; 0 when it is not.
	Revision int
	// Observed is true when the workload's controller has acted on the newest template.
	Observed bool
	// Newest is the hash of the newest ControllerRevision; empty when there is none.
	Newest string
	// Network that the live configuration names, as CIDRs; empty when there is none.
	Network []string
	// MaxUnavailable nodes that a rolling update may take down at once, as a number.
	MaxUnavailable int
	// OnDelete is true when the workload's controller replaces no pod by itself.
	OnDelete bool
	// Lifted is true when the release's own guard of its pods does not deny deleting them now, and is ours to restore.
	Lifted bool
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
	// Settings that it was rendered with; nil where they were not stored.
	Settings *Settings `json:"-"`
	// By is who wrote the revision: empty for us, else such as "helm".
	By string `json:"by,omitempty"`
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
	// NotServed : the API server does not serve the object's kind in its version.
	NotServed Action = "not-served"
	// Unchecked : the API server could not be asked about it.
	Unchecked Action = "unchecked"
)

// ObjectChange is the result of a dry run of one object.
type ObjectChange struct {
	// Object as "Kind name".
	Object string `json:"object"`
	Action Action `json:"action"`
	// Message of the API server, or the fields and managers in conflict.
	Message string `json:"message,omitempty"`
	// Fields that somebody else set, with what becomes of each, by path.
	Fields []Field `json:"fields,omitempty"`
	// Overlay is true when the object is as the operator's overlay makes it; told of refused objects.
	Overlay bool `json:"overlay,omitempty"`
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
	// Pod is what the API server says to one pod of each workload, in a dry run in its namespace: only what is refused, and
	// what could not be asked.
	Pod []ObjectChange
	// Webhooks are asked about the workloads of the render or their pods, and without their answer the API server refuses.
	Webhooks []Webhook
	// Definitions are those of the render's CustomResourceDefinitions that are live, as they are; nil when nobody looked.
	Definitions []catalog.Definition
	// Narrowed are the fields of live definitions that the render's have no more, or have of another type, as "NAME VERSION: field".
	Narrowed []string
	// Images of the render as they were looked up in their registries; nil when nobody looked.
	Images []Image
	// Findings of the render itself, such as settings that it cannot be made with.
	Findings []Finding
	// Unset is the digest of the live release rendered without an operator's settings, where nothing is recorded of an add-on
	// that we installed; else empty.
	Unset string
}

// Image is what was found of one image of a render in its registry.
type Image struct {
	// Image as the pod names it.
	Image string `json:"image"`
	// Missing are the architectures, such as arm64, that the nodes have and the image has not; "*" when there is no such image.
	Missing []string `json:"missing,omitempty"`
	// Unchecked says why it could not be looked up; empty when it was.
	Unchecked string `json:"unchecked,omitempty"`
}

// Webhook is an admission webhook of the cluster that runs as pods behind a Service and fails closed.
type Webhook struct {
	// Name as "Kind configuration/webhook".
	Name string `json:"name"`
	// About is what it is asked about, as "pods of DaemonSet name" and "DaemonSet name"; sorted.
	About []string `json:"about,omitempty"`
	// Service that answers for it, as namespace/name.
	Service string `json:"service"`
	// Ready endpoints of the Service. It means nothing where Unchecked says why they could not be counted.
	Ready     int    `json:"ready"`
	Unchecked string `json:"unchecked,omitempty"`
	// Timeout in seconds.
	Timeout int `json:"timeout,omitempty"`
	// Conditional is true when it has match conditions, which only the API server can evaluate: it may not be asked at all.
	Conditional bool `json:"conditional,omitempty"`
}
