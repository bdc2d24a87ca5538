package metric

import "github.com/prometheus/client_golang/prometheus"

// causes of halts, as pkg/controller names them.
var causes = []string{"failure", "recall", "order"}

// Family is a metric: its name, what it means, and the labels of its samples in order.
type Family struct {
	Name, Help string
	Labels     []string
	// Kind is gauge or histogram.
	Kind string
}

// The kinds.
const (
	gauge     = "gauge"
	histogram = "histogram"
)

// Names of the metrics.
const (
	clusters          = "addonctl_clusters"
	clusterAway       = "addonctl_cluster_away_timestamp_seconds"
	addons            = "addonctl_addons"
	addonNodes        = "addonctl_addon_nodes"
	addonsStalled     = "addonctl_addons_stalled"
	addonsDrifted     = "addonctl_addons_drifted"
	addonsHeld        = "addonctl_addons_held"
	addonsRecalled    = "addonctl_addons_recalled"
	guardLifted       = "addonctl_guard_lifted"
	pinExpiry         = "addonctl_pin_expiry_timestamp_seconds"
	rollouts          = "addonctl_rollouts"
	rolloutInfo       = "addonctl_rollout_info"
	rolloutPhase      = "addonctl_rollout_phase"
	rolloutOpened     = "addonctl_rollout_opened_timestamp_seconds"
	rolloutClusters   = "addonctl_rollout_clusters"
	rolloutOrders     = "addonctl_rollout_orders_pending"
	rolloutApproval   = "addonctl_rollout_approval_pending"
	policies          = "addonctl_policies"
	catalogInfo       = "addonctl_catalog_info"
	catalogReady      = "addonctl_catalog_ready"
	catalogRead       = "addonctl_catalog_read_timestamp_seconds"
	catalogReleases   = "addonctl_catalog_releases"
	leader            = "addonctl_leader"
	gateSeconds       = "addonctl_gate_seconds"
	rolloutHaltSecond = "addonctl_rollout_halt_seconds"
)

// Families are all metrics, in the order of the documentation. None has a label of a node. Labels that name a cluster are at two of them, and
// only for clusters that are away, and pins that end; those that name a rollout are for rollouts that are not over, one of each policy and
// add-on and those that it took the place of.
func Families() []Family {
	one := []string{"rollout"}
	return []Family{
		{clusters, "Clusters by network type, minor version of Kubernetes, and whether the manager reached them last (reachable, unreachable, unseen).", []string{"network_type", "kubernetes", "state"}, gauge},
		{clusterAway, "Since when a cluster does not answer; there is none for clusters that do.", []string{"cluster"}, gauge},
		{addons, "Add-ons by the version of their live template, OKE's lifecycle state, and whether they are automatic or pinned.", []string{"addon", "version", "state", "mode"}, gauge},
		{addonNodes, "Nodes by the version of the add-on that they really run.", []string{"addon", "version"}, gauge},
		{addonsStalled, "Add-ons for which nothing happens until somebody acts, by the reason of the condition Stalled.", []string{"addon", "reason"}, gauge},
		{addonsDrifted, "Add-ons that somebody changed beside addonctl, or whose guard is missing, by the finding.", []string{"addon", "reason"}, gauge},
		{addonsHeld, "Add-ons that were put back from a release and hold it.", []string{"addon", "version"}, gauge},
		{addonsRecalled, "Add-ons that still run a release which was recalled; 0 for a recall that nobody runs.", []string{"addon", "version"}, gauge},
		{guardLifted, "Add-ons whose release's own guard of its pods was found lifted and is not restored yet.", []string{"addon"}, gauge},
		{pinExpiry, "When a pin ends, for pins that do.", []string{"cluster", "addon"}, gauge},
		{rollouts, "Rollouts that the hub remembers, by phase.", []string{"policy", "addon", "phase"}, gauge},
		{rolloutInfo, "A rollout that is not over; always 1.", []string{"rollout", "policy", "addon", "version"}, gauge},
		{rolloutPhase, "The phase that a rollout is in; always 1.", []string{"rollout", "phase"}, gauge},
		{rolloutOpened, "When the clusters of a rollout were chosen.", one, gauge},
		{rolloutClusters, "Clusters of a rollout by wave and state.", []string{"rollout", "wave", "state"}, gauge},
		{rolloutOrders, "Orders of people that a rollout has not carried out yet.", one, gauge},
		{rolloutApproval, "1 for a wave that waits until somebody approves it.", []string{"rollout", "wave"}, gauge},
		{policies, "Update policies by the reason of their condition Ready: Accepted, Invalid, Overlaps.", []string{"reason"}, gauge},
		{catalogInfo, "The catalog in force; always 1.", []string{"digest"}, gauge},
		{catalogReady, "1 while the hub's catalog can be read, else 0.", nil, gauge},
		{catalogRead, "When the catalog in force was read for the first time.", nil, gauge},
		{catalogReleases, "Releases that the catalog in force holds.", nil, gauge},
		{leader, "1 while this process leads, else 0. All of the above come from the leader alone.", nil, gauge},
		{gateSeconds, "How long a node that the manager changed took from its new agent's pod to having passed every gate.", []string{"addon"}, histogram},
		{rolloutHaltSecond, "How long a rollout took from its cause, as the records have it in whole seconds, until every cluster under way was told to hold (cause: failure, recall, order).", []string{"cause"}, histogram},
	}
}

// desc is a family as Prometheus' client has it.
func (f Family) desc() *prometheus.Desc { return prometheus.NewDesc(f.Name, f.Help, f.Labels, nil) }
