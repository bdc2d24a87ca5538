package plan

import (
	"fmt"
	"strings"
)

// podRefusals are the words by which a refusal of a pod is known, with what to do; NAMESPACE stands for the pods' namespace.
var podRefusals = []struct{ says, fix string }{
	{"violates PodSecurity", "kubectl label namespace NAMESPACE pod-security.kubernetes.io/enforce=privileged --overwrite"},
	{
		"insufficient quota to match these scopes",
		"add a ResourceQuota in NAMESPACE whose scopeSelector allows the pod's priority class",
	},
	{"exceeded quota", "raise the ResourceQuota that it names: kubectl get resourcequota -n NAMESPACE"},
	{
		"failed quota",
		"the ResourceQuota that it names wants every container to say what it needs: add it by an overlay, or change the quota",
	},
	{
		"no PriorityClass with name",
		"create that PriorityClass, or name one that there is in the overlay: kubectl get priorityclass",
	},
	{" usage per ", "change the LimitRange, or what the containers ask for: kubectl get limitrange -n NAMESPACE"},
	{"must be less than or equal to", "a LimitRange gives the containers less than they ask for: kubectl get limitrange -n NAMESPACE"},
	{"error looking up service account", "create that ServiceAccount in NAMESPACE, or take it out of the overlay"},
	{
		"failed calling webhook",
		"mend the webhook's server, exempt NAMESPACE from it, or set its failurePolicy to Ignore while the move lasts",
	},
	{"admission webhook", "exempt NAMESPACE from this webhook, or ask whoever runs it"},
	{"ValidatingAdmissionPolicy", "exempt NAMESPACE in the policy's binding, or ask whoever wrote it"},
}

func podFix(message, namespace string) string {
	for _, r := range podRefusals {
		if strings.Contains(message, r.says) {
			return strings.ReplaceAll(r.fix, "NAMESPACE", namespace)
		}
	}
	return "see what admits pods in " + namespace + ": Pod Security, quotas, limits, priority classes and webhooks"
}

// podsAdmitted : a workload whose pods are refused is written without complaint, and then there is no pod, on any node.
func podsAdmitted(d decision) []Finding {
	if !d.rewrites() {
		return nil
	}
	namespace := d.addOn.Workload.Namespace
	var out []Finding
	for _, o := range d.Change.Pod {
		switch {
		case o.Action == Refused:
			f := forbid(PodRefused, "B27 B28 B34", fmt.Sprintf("the API server refuses the pods of %s: %s", o.Object, o.Message),
				podFix(o.Message, namespace))
			f[0].Blocking = !d.retreats()
			out = append(out, f...)
		case strings.Contains(o.Message, noDryRun):
			out = append(out, warn(PodUnchecked, "B28", fmt.Sprintf("whether the pods of %s are admitted could not be asked: %s",
				o.Object, o.Message), "look yourself whether the webhook admits them: it does not take part in dry runs")...)
		default:
			f := warn(PodUnchecked, "B27 B34", fmt.Sprintf("whether the pods of %s are admitted could not be asked: %s", o.Object, o.Message),
				"ask for the right to create pods in "+namespace+", or look there for Pod Security labels, quotas and limits")
			f[0].Minor = true
			out = append(out, f...)
		}
	}
	return out
}

// noDryRun is what the API server says of a webhook that has side effects.
const noDryRun = "does not support dry run"

// retreats tells whether the plan goes back in the middle of a roll: writing the old template ends that, whether pods of it can
// be made now or not.
func (d decision) retreats() bool {
	s := d.Record.Last().Status
	return d.Installed.Present && s != "" && s != Deployed && d.goesBack()
}

// goesBack tells whether the target is older than what is live.
func (d decision) goesBack() bool { return d.target.Version.Less(parse(d.Installed.Version)) }

// webhooksAnswer : the API server refuses what a webhook that fails closed cannot be asked about, and that webhook's server may be a
// pod that waits for the very network.
//
//	| its service     | it is asked | else, it may be asked |
//	|-----------------|-------------|-----------------------|
//	| has no endpoint | blocks      | speaks                |
//	| has some        | speaks      | speaks                |
//	| is not known    | speaks      | speaks                |
func webhooksAnswer(d decision) []Finding {
	if !d.rewrites() {
		return nil
	}
	namespace := d.addOn.Workload.Namespace
	var out []Finding
	for _, w := range d.Change.Webhooks {
		asks := "asks"
		if w.Conditional {
			asks = "may ask"
		}
		message := fmt.Sprintf("the API server %s %s about %s and refuses them without an answer", asks, w.Name, strings.Join(w.About, " and "))
		fix := fmt.Sprintf("exempt the namespace %s from it, or set its failurePolicy to Ignore while the move lasts, and put that back afterwards", namespace)
		f := warn(WebhookDeadlock, "B28", message, fix)
		switch {
		case w.Unchecked != "":
			f[0].Message += fmt.Sprintf("; whether its service %s has endpoints is not known: %s", w.Service, w.Unchecked)
		case w.Ready == 0:
			f[0].Message += fmt.Sprintf("; its service %s has no ready endpoint", w.Service)
			f[0].Blocking = !w.Conditional && !d.retreats()
		default:
			f[0].Message += fmt.Sprintf("; its service %s has %s, which may need the pod network", w.Service,
				count(w.Ready, "ready endpoint", "ready endpoints"))
		}
		out = append(out, f...)
	}
	return out
}
