package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// objectsOf are the objects of some kinds in a render, in its order.
func objectsOf(f catalog.Footprint, kinds ...string) []string {
	var out []string
	for _, o := range f.Objects {
		if kind, _, _ := strings.Cut(o, " "); slices.Contains(kinds, kind) {
			out = append(out, o)
		}
	}
	return out
}

// ownWebhooks : a webhook whose server is a pod is asked about the very pods that would mend the network that it needs.
func ownWebhooks(_ decision, before, after catalog.Footprint) []Finding {
	fresh := missing(before.Objects, objectsOf(after, "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"))
	if len(fresh) == 0 {
		return nil
	}
	return warn(WebhookAdded, "B28",
		fmt.Sprintf("the release brings %s: while its server does not answer, what it is asked about cannot be made, the "+
			"agents' own pods too", few(fresh)),
		"let it fail open (failurePolicy Ignore), or exempt the agents' namespace")
}

// aggregatedAPIs : the API server reaches an aggregated API through the pod network.
func aggregatedAPIs(_ decision, before, after catalog.Footprint) []Finding {
	fresh := missing(before.Objects, objectsOf(after, "APIService"))
	if len(fresh) == 0 {
		return nil
	}
	return warn(AggregatedAPIAdded, "B55",
		fmt.Sprintf("the release brings %s, which the API server reaches through the pod network: while that is broken, "+
			"tools that discover every API fail", few(fresh)),
		"know how to take it away in need: kubectl delete apiservice NAME")
}

// helperJobs : a Job runs as a pod with an address, which it does not get where the network is to be mended.
func helperJobs(_ decision, after catalog.Footprint) []Finding {
	jobs := objectsOf(after, "Job", "CronJob")
	if len(jobs) == 0 {
		return nil
	}
	return warn(HelperJobs, "B55",
		fmt.Sprintf("the release brings %s: where the pod network is broken it does not run, and its template can never "+
			"be changed", few(jobs)),
		"keep jobs out of what makes the pod network")
}
