#!/bin/sh
# The main job in one go, on a control plane of its own: make quickstart.
set -eu

name=${SANDBOX:-quickstart}
source=$(cd "$(dirname "$0")/.." && pwd)
begun=$(date +%s)

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
# show prints a command as one would type it.
show() {
	printf '$ addonctl'
	for word; do
		case $word in *'{'*) printf " '%s'" "$word" ;; *' '*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
	done
	printf '\n'
}
run() { show "$@"; addonctl "$@" --context "addonctl-sandbox-$name"; }
# refused runs a command that a rule has to refuse with exit code 3.
refused() {
	show "$@"
	code=0
	addonctl "$@" --context "addonctl-sandbox-$name" || code=$?
	printf '[exit %s]\n' "$code"
	[ "$code" -eq 3 ] || { echo "quickstart: that should have been refused with exit 3" >&2; exit 1; }
}
# on runs a command on a member of the fleet.
on() {
	member=$1
	shift
	show "$@" --context "addonctl-sandbox-$name-$member"
	addonctl "$@" --context "addonctl-sandbox-$name-$member"
}
kubectl() {
	printf '$ kubectl %s\n' "$*"
	addonctl sandbox kubectl --name "$name" -- "$@"
}
# opened waits until the manager has opened a rollout.
opened() {
	for _ in $(seq 60); do
		if addonctl rollout status "$1" --context "addonctl-sandbox-$name" >/dev/null 2>&1; then return; fi
		sleep 1
	done
	echo "quickstart: no rollout $1 after a minute; what the manager said:" >&2
	cat "$work/manager.log" >&2
	exit 1
}
# The quickstart talks to its own sandboxes only, whatever kubeconfig there is.
unset KUBECONFIG

work=$(mktemp -d)
fleet="dev prod kept vcn"
manager=
# The members of the fleet end with the quickstart, its own sandbox stays.
finish() {
	if [ -n "$manager" ]; then kill "$manager" 2>/dev/null && wait "$manager" || true; fi
	for member in $fleet; do
		if addonctl sandbox status --name "$name-$member" >/dev/null 2>&1; then addonctl sandbox down --name "$name-$member" >/dev/null 2>&1 || true; fi
	done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

for old in "$name" "$name-dev" "$name-prod" "$name-kept" "$name-vcn"; do
	if addonctl sandbox status --name "$old" >/dev/null 2>&1; then
		say "An earlier quickstart left its sandbox: start anew"
		addonctl sandbox down --name "$old"
	fi
done

say "A real control plane with 20 simulated nodes"
addonctl sandbox up --name "$name" --nodes 20

say "What a mirror has to hold for flannel 0.26.2; no cluster is asked"
show images --network-type flannel --version 0.26.2 --kubernetes 1.33
addonctl images --network-type flannel --version 0.26.2 --kubernetes 1.33

say "Install flannel 0.26.2; later updates take a quarter of the nodes at a time, and do not soak here; giving a version pins it"
run install --network-type flannel --version 0.26.2 --set-config 'rollingUpdate={"maxUnavailable":"25%"}' --soak 0s --ready-for 1s --wait --yes

say "What runs, node by node"
run status
run nodes

say "Pin it with a reason, so that whoever meets the pin knows why"
run pin --version 0.26.2 --reason "waiting for the new kernel" --ticket NET-42 --yes

say "A pin is kept: an update is refused"
refused update --yes

say "Take the pin off, ask why and what would happen, and update to the newest release that fits, node by node"
run unpin --yes
run explain
run plan
# Differences end with exit 1.
show diff 0.26.2 0.27.3 --network-type flannel
addonctl diff 0.26.2 0.27.3 --network-type flannel || [ $? -eq 1 ]
run plan --reverse
run update --wait --yes

say "What happened"
run history
run status

say "Nobody deletes the CNI by mistake, not even the administrator"
printf '$ kubectl delete daemonset kube-flannel-ds -n kube-system\n'
if addonctl sandbox kubectl --name "$name" -- delete daemonset kube-flannel-ds -n kube-system; then
	echo "quickstart: that should have been denied" >&2
	exit 1
fi
run drift

say "The network type is for life"
refused install --network-type vcn-native --yes

say "A fleet: this cluster becomes the hub of four more, which have a catalog of their own"
starting=
for member in $fleet; do
	addonctl sandbox up --name "$name-$member" --nodes 2 >"$work/$member.log" 2>&1 &
	starting="$starting $!"
done
for pid in $starting; do wait "$pid" || { cat "$work"/*.log >&2; exit 1; }; done
mkdir "$work/catalog"
cp -R "$source"/addons/*/ "$work/catalog/"
rm "$work/catalog/oci-vcn-ip-native/releases/3.3.0.yaml" # that one appears later
echo 'minReadySeconds: 1' >"$work/hasty.yaml"            # half a minute by default
install() { on "$@" --soak 0s --ready-for 1s --values "$work/hasty.yaml" --catalog "$work/catalog" --wait --yes; }
install dev install --cluster dev --network-type flannel
install prod install --cluster prod --network-type flannel
install kept install --cluster kept --network-type flannel --version 0.27.3
install vcn install --cluster vcn --network-type vcn-native --nodes roll
for member in $fleet; do
	addonctl sandbox kubeconfig --name "$name-$member" >"$work/$member.yaml"
	run cluster register "$member" --kubeconfig-file "$work/$member.yaml" --label "env=$member" --yes
done
kubectl apply --server-side -f - <<END
apiVersion: addonctl.io/v1alpha1
kind: UpdatePolicy
metadata: {name: fleet}
spec:
  selector: env
  soak: 0s
  maxConcurrent: 1
  waves:
  - {name: canary, selector: env=dev}
  - {name: rest}
---
apiVersion: addonctl.io/v1alpha1
kind: AddonCatalog
metadata: {name: default}
spec: {directory: "$work/catalog"}
END
printf '$ addon-manager --hub-kubeconfig hub.yaml --default-policy=false --gather 2s &\n'
addonctl sandbox kubeconfig --name "$name" >"$work/hub.yaml"
addon-manager --hub-kubeconfig "$work/hub.yaml" --default-policy=false --gather 2s --health-address 0 >"$work/manager.log" 2>&1 &
manager=$!
run cluster list

say "New releases appear in the catalog: the manager opens a rollout of each, and brings it wave by wave to whoever is not pinned"
sed 's/^status: PREVIEW/status: ACTIVE/' "$source/addons/flannel/releases/0.27.4.yaml" >"$work/new.yaml"
mv "$work/new.yaml" "$work/catalog/flannel/releases/0.27.4.yaml"
cp "$source/addons/oci-vcn-ip-native/releases/3.3.0.yaml" "$work/new.yaml"
mv "$work/new.yaml" "$work/catalog/oci-vcn-ip-native/releases/3.3.0.yaml"
opened fleet-flannel-0.27.4
run rollout status fleet-flannel-0.27.4 --watch
opened fleet-ocivcnipnative-3.3.0
run rollout status fleet-ocivcnipnative-3.3.0 --watch
run cluster list

say "A release is recalled: nobody takes it any more, and those who have it move away"
run recall Flannel 0.27.4 --reason "pods lose their addresses" --yes
opened fleet-flannel-0.27.3-from-0.27.4
run rollout status fleet-flannel-0.27.3-from-0.27.4 --watch
run rollout list
run cluster list

cat <<END

Done in $(($(date +%s) - begun)) s. The sandbox is still running, its fleet is not; go on with it:
  bin/addonctl status --context addonctl-sandbox-$name
  bin/addonctl sandbox kubectl --name $name -- get pods -A
  bin/addonctl sandbox fault --name $name --image :v0.26.2 --node node-07 --mode crash
  bin/addonctl update --version 0.26.2 --context addonctl-sandbox-$name   # meets the bad release just made, and halts
and stop it with:
  bin/addonctl sandbox down --name $name
END
