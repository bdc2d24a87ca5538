package cli

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

const networkTypeHelp = "network type of the cluster, for life: vcn-native (OCI_VCN_IP_NATIVE) or flannel (FLANNEL_OVERLAY)"

// networkTypes are what completion offers.
var networkTypes = []string{"flannel", "vcn-native"}

func parseNetworkType(s string) (catalog.NetworkType, error) {
	if s == "" {
		return "", nil
	}
	t, err := catalog.ParseNetworkType(s)
	if err != nil {
		return "", usage("one of flannel, vcn-native", "--network-type: %w", err)
	}
	return t, nil
}

func (a *app) installCommand() *cobra.Command {
	var f actFlags
	var own settingsFlags
	var roll rollFlags
	var types typeFlags
	var second calicoFlags
	r := plan.Request{Verb: plan.Install}
	c := &cobra.Command{
		Use:   "install --network-type TYPE [--version V]",
		Short: "Install the CNI add-on of a cluster's network type, and Calico beside it",
		Long: `Registers the cluster with its network type, which is fixed for life, and installs the matching CNI add-on.
Without --version the newest release that fits the cluster is taken and updates are automatic from then on; with
--version the add-on is pinned to it. Running it again changes nothing.

The type is never guessed: tools have different defaults. --network-type-rule takes the one that you name, says why, and records that on the
ClusterNetwork (annotation addonctl.io/network-type-rule).

With --calico Calico is installed beside the CNI as soon as every node has that. Whether Calico may go there is looked at before
anything is written. --version and the settings are the CNI's, --calico-version pins Calico, and --accept is for Calico alone. On a
cluster that has its CNI, --addon Calico installs Calico, with settings of its own.`,
		Example: `  addonctl install --network-type flannel --wait --yes -o json
  addonctl install --network-type vcn-native --calico --wait --yes -o json
  addonctl install --addon Calico --version 3.30.3 --yes
  addonctl install --network-type flannel --version 0.26.2 --yes
  addonctl install --network-type flannel --overlay ./mirror --set-config rollingUpdate='{"maxUnavailable":"25%"}'`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if err := types.read(&r); err != nil {
				return err
			}
			if err := checkPodCIDRs(r.PodCIDRs); err != nil {
				return err
			}
			if err := second.check(c, f, r); err != nil {
				return err
			}
			r.Pin = installPin(r.Version)
			if r.Settings, err = own.read(a, c); err != nil {
				return err
			}
			if err := roll.read(c, &r); err != nil {
				return err
			}
			if second.wanted {
				return a.runBoth(c, r, f, second)
			}
			return a.run(c, r, f)
		},
	}
	second.add(a, c)
	types.add(c)
	c.Flags().StringVar(&r.Version, "version", "", "release to install and pin; the newest that fits when empty")
	c.Flags().StringSliceVar(&r.PodCIDRs, "pod-cidr", nil, "block of the pods' addresses, at most one per IP family (default 10.244.0.0/16)")
	_ = c.RegisterFlagCompletionFunc("version", a.completeVersion)
	own.add(a, c)
	roll.add(c)
	onFailureFlag(c, &r.OnFailure)
	conflictFlag(c, &r.Conflicts)
	a.imagesFlag(c)
	f.add(a, c)
	return c
}

// checkPodCIDRs refuses what is no address block, and two of one IP family.
func checkPodCIDRs(cidrs []string) error {
	families := map[bool]string{}
	for _, c := range cidrs {
		p, err := netip.ParsePrefix(c)
		if err != nil || p.Masked() != p {
			return usage("give blocks such as 10.244.0.0/16", "--pod-cidr %q is no address block", c)
		}
		if other := families[p.Addr().Is4()]; other != "" {
			return usage("give at most one block for each IP family", "--pod-cidr %s and %s are of one IP family", other, c)
		}
		families[p.Addr().Is4()] = c
	}
	return nil
}

func (a *app) updateCommand() *cobra.Command {
	var f actFlags
	var own settingsFlags
	var roll rollFlags
	r := plan.Request{Verb: plan.Update}
	c := &cobra.Command{
		Use:   "update [--version V]",
		Short: "Move an automatic add-on to the newest fitting release, or to the one given; or change its settings",
		Long: `Moves the add-on to the newest release that fits the cluster, or once to the one given; automatic updates go on
from there. A move that is under way is finished first; give --version to go elsewhere. A pinned add-on is not moved: change the pin with "addonctl pin", or take it off with "addonctl unpin".

With --set-config, --values or --overlay and without --version nothing is moved: the same release is written with these
settings, which are recorded and used from then on.

The nodes are changed one by one: canary nodes first, then pool by pool and zone by zone, with gates on each. The first node that fails a
gate halts the roll, and is put back, or what --on-failure says. VCN-native from 2.3.0 on changes no node without --nodes (docs/roll.md).`,
		Example: `  addonctl update --version 0.27.3
  addonctl update --version 0.27.3 --canaries 2 --max-unavailable 10% --soak 5m
  addonctl update --set-config tolerations=@tolerations.json
  addonctl update --set-config tolerations= --overlay ''`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if r.Settings, err = own.read(a, c); err != nil {
				return err
			}
			if err := roll.read(c, &r); err != nil {
				return err
			}
			return a.run(c, r, f)
		},
	}
	c.Flags().StringVar(&r.Version, "version", "", "release to move to, once; when empty the newest that fits, or with settings the one that is installed")
	_ = c.RegisterFlagCompletionFunc("version", a.completeVersion)
	own.add(a, c)
	roll.add(c)
	onFailureFlag(c, &r.OnFailure)
	conflictFlag(c, &r.Conflicts)
	a.imagesFlag(c)
	f.add(a, c)
	return c
}

func (a *app) pinCommand() *cobra.Command {
	var f actFlags
	var own settingsFlags
	var roll rollFlags
	var until string
	many := manyFlags{verb: "pin"}
	r := plan.Request{Verb: plan.SetPin}
	c := &cobra.Command{
		Use:   "pin --version V --reason R [-l SELECTOR]",
		Short: "Keep the add-on at a version; nobody but you moves it from then on",
		Long: `Pins the add-on to a release and, when another one is installed, moves it there. A pin is never changed by addonctl:
keeping the add-on fit for the cluster's Kubernetes version is yours from then on. A pin with an end (--until) is told of two weeks before.

With -l the add-ons of all clusters of the hub with these labels are pinned. Only their records are written, each as it was read, and the manager moves
the clusters; where none is at work nothing moves until somebody runs addonctl update. A cluster whose network type or Kubernetes the release does
not fit is named with the reason, and then nothing is written, unless --skip-unfit leaves it out. Exit code 7 says that clusters were left out, or failed.`,
		Example: `  addonctl pin --version 0.26.2 --reason "waiting for the kernel fix" --until 2027-01-31 --ticket NET-42
  addonctl pin -l env=prod --version 0.26.2 --reason "a freeze" --until 2027-01-07 --dry-run`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if r.Version == "" {
				return usage("addonctl versions lists the releases", "pin needs --version")
			}
			if strings.TrimSpace(r.Pin.Reason) == "" {
				return usage(`add --reason "…": whoever meets the pin later will want to know`, "pin needs --reason")
			}
			if err := checkText("--reason", r.Pin.Reason, 1024); err != nil {
				return err
			}
			if err := checkText("--ticket", r.Pin.Ticket, 256); err != nil {
				return err
			}
			if r.Pin.Until, err = parseUntil(until, time.Now()); err != nil {
				return err
			}
			if wanted, err := many.wanted(c); err != nil || wanted {
				return a.pinMany(c, r, f, many, err)
			}
			if r.Settings, err = own.read(a, c); err != nil {
				return err
			}
			if err := roll.read(c, &r); err != nil {
				return err
			}
			return a.run(c, r, f)
		},
	}
	c.Flags().StringVar(&r.Version, "version", "", "release to keep")
	c.Flags().StringVar(&r.Pin.Reason, "reason", "", "why, for whoever meets the pin later")
	c.Flags().StringVar(&until, "until", "", "day on which the pin ends (2027-01-31): the UpdatePolicy says what becomes of it then (onPinEnd), and without one it holds")
	c.Flags().StringVar(&r.Pin.Ticket, "ticket", "", "your own reference")
	_ = c.RegisterFlagCompletionFunc("version", a.completeVersion)
	many.add(c)
	own.add(a, c)
	roll.add(c)
	onFailureFlag(c, &r.OnFailure)
	conflictFlag(c, &r.Conflicts)
	a.imagesFlag(c)
	f.add(a, c)
	return c
}

// checkText refuses what the record cannot hold, and what would write over a terminal that shows it.
func checkText(flag, s string, most int) error {
	if len(s) > most {
		return usage("shorten it; the ticket may say more", "%s has %d bytes, at most %d are kept", flag, len(s), most)
	}
	if strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
		return usage("one line of plain text", "%s holds line breaks or control characters", flag)
	}
	return nil
}

// parseUntil reads a day, which ends at midnight UTC, or a time; it must lie ahead.
func parseUntil(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return time.Time{}, usage("give a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z", "--until %q is no date", s)
	}
	if !t.After(now) {
		return time.Time{}, usage("give a day that lies ahead", "--until %s is in the past", s)
	}
	return t, nil
}

func (a *app) unpinCommand() *cobra.Command {
	f := actFlags{wait: true}
	many := manyFlags{verb: "unpin"}
	c := &cobra.Command{
		Use:   "unpin [-l SELECTOR]",
		Short: "Return a pinned add-on to automatic updates",
		Long: `Takes the pin off. Nothing moves by this alone: "addonctl update" moves to the newest release that fits, and where a manager decides on rollouts
the add-on takes part in them again. With -l this is done for all clusters of the hub with these labels.`,
		Example: `  addonctl unpin
  addonctl unpin -l env=prod --yes`,
		Args: noArgs, PreRunE: a.checkOutput,
		RunE: func(c *cobra.Command, _ []string) error {
			if wanted, err := many.wanted(c); err != nil || wanted {
				return a.pinMany(c, plan.Request{}, f, many, err)
			}
			return a.run(c, plan.Request{Verb: plan.Unpin}, f)
		},
	}
	a.addOnFlag(c, &f.addOn)
	c.Flags().BoolVar(&f.yes, "yes", false, "act without asking")
	many.add(c)
	return c
}

// pinMany pins, or un-pins, many clusters of the hub, unless the flags make no sense.
func (a *app) pinMany(c *cobra.Command, r plan.Request, f actFlags, many manyFlags, err error) error {
	if err != nil {
		return err
	}
	many.addOn, many.yes, many.version = f.addOn, f.yes, r.Version
	many.pin = v1alpha1.Pin{Reason: r.Pin.Reason, Ticket: r.Pin.Ticket}
	if !r.Pin.Until.IsZero() {
		many.pin.Until = &metav1.Time{Time: r.Pin.Until}
	}
	s, err := a.fleet(a.note)
	if err != nil {
		return err
	}
	return s.many(c.Context(), many)
}

// run connects and carries a request through.
func (a *app) run(c *cobra.Command, r plan.Request, f actFlags) error {
	s, err := a.connect(c.Context(), f.addOn)
	if err != nil {
		return err
	}
	return s.act(c, r, f)
}

// completeVersion offers the releases of the catalog; no cluster is asked.
func (a *app) completeVersion(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	c, err := a.catalog()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, addOn := range c.AddOns {
		for _, r := range addOn.Releases {
			if v := r.Version.String(); strings.HasPrefix(v, prefix) {
				out = append(out, fmt.Sprintf("%s\t%s %s", v, addOn.Name, r.Status))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
