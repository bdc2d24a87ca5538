# addonctl: see README.md. Everything that is built beside the tree goes to the user's cache folder.

CONTROLLER_GEN_VERSION := v0.23.0
GOFUMPT_VERSION        := v0.12.0
GOLANGCI_VERSION       := v2.15.0
GOTESTSUM_VERSION      := v1.13.0
HELM_VERSION           := v3.22.0
HELM_KUBERNETES        := 37
KUBERNETES             := 1.34 1.36
FUZZTIME               := 30s
SOAK                   := 1000000
N                      := 1000
PLANES                 := 4
ROLL_NODES             := 1000
HALTS                  := 200
# The module that asks Prometheus' parser says the version.
PROMETHEUS_VERSION     := $(shell sed -n 's,^require github.com/prometheus/prometheus ,,p' e2e/prometheus/go.mod)

SHELL   := /bin/sh
BIN     := $(CURDIR)/bin
CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/addonctl/tools
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/addonctl/addonctl/pkg/cli.buildVersion=$(VERSION)
# The race detector needs a C compiler.
RACE    := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)

CONTROLLER_GEN := $(CACHE)/controller-gen-$(CONTROLLER_GEN_VERSION)
GOFUMPT        := $(CACHE)/gofumpt-$(GOFUMPT_VERSION)
GOLANGCI       := $(CACHE)/golangci-lint-$(GOLANGCI_VERSION)
GOTESTSUM      := $(CACHE)/gotestsum-$(GOTESTSUM_VERSION)
PROMTOOL       := $(CACHE)/promtool-$(PROMETHEUS_VERSION)
PROMETHEUS     := $(CACHE)/prometheus-$(PROMETHEUS_VERSION)
HELM           := $(CACHE)/helm-$(HELM_VERSION)-for-1.$(HELM_KUBERNETES)

# Tests and benchmarks that want the real Helm find it here.
export ADDONCTL_TEST_HELM := $(HELM)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/addonctl, kubectl-addon beside it, and bin/addon-manager
	@go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/addonctl ./cmd/addonctl
	@go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/addon-manager ./cmd/addon-manager
	@ln -sf addonctl $(BIN)/kubectl-addon

IMAGE_OUT := $(BIN)
IMAGE     := go run ./e2e/image -version '$(VERSION)' -revision '$(shell git rev-parse HEAD 2>/dev/null)'

.PHONY: image
image: ## Build the images of addon-manager (with addonctl in it) and addon-pod for amd64 and arm64, as OCI archives in bin/ (IMAGE_OUT=folder)
	@$(IMAGE) -out $(IMAGE_OUT)/addon-manager.tar addon-manager addonctl
	@$(IMAGE) -out $(IMAGE_OUT)/addon-pod.tar addon-pod

.PHONY: sandbox
sandbox: $(addprefix sandbox-,$(KUBERNETES)) ## Build the embedded control planes once into the cache folder (minutes; KUBERNETES=1.36 builds one)
sandbox-%:
	@go run ./e2e/sandbox/build --kubernetes $*

.PHONY: quickstart
quickstart: build sandbox-1.36 ## See the main job on a control plane of its own: install, pin, update, history, and then a small fleet
	@PATH=$(BIN):$$PATH ./e2e/quickstart.sh

.PHONY: test
test: sandbox $(GOTESTSUM) $(HELM) ## Run every test, on real control planes too (AGAIN=6 plays up to 6 failing tests and subtests once more)
	@$(GOTESTSUM) --format pkgname --hide-summary skipped $(if $(AGAIN),--rerun-fails=1 --rerun-fails-max-failures=$(AGAIN) --rerun-fails-run-root-test --rerun-fails-abort-on-data-race) \
		--packages ./... -- $(RACE) -shuffle=on -timeout 45m

.PHONY: alerts
alerts: sandbox-1.36 $(PROMTOOL) $(PROMETHEUS) ## Play the alert rules with the real promtool, and have a real Prometheus look at a small fleet (2 minutes; 4 more the first time)
	@ADDONCTL_TEST_PROMTOOL=$(PROMTOOL) ADDONCTL_TEST_PROMETHEUS=$(PROMETHEUS) go test ./e2e -run 'TestAlertsFire|TestPrometheusSees' -v -count=1
	@sha256sum manifests/monitoring/alerts.yaml e2e/prometheus/alerts_test.yaml >e2e/prometheus/played

.PHONY: fuzz
fuzz: ## Fuzz every target (FUZZTIME=30s each)
	go test ./pkg/version -run '^$$' -fuzz '^FuzzParse$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 100x
	go test ./pkg/version -run '^$$' -fuzz '^FuzzRange$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 100x
	go test ./pkg/catalog -run '^$$' -fuzz '^FuzzLoad$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 100x
	go test ./pkg/catalog -run '^$$' -fuzz '^FuzzDecode$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 100x
	go test ./pkg/artifact -run '^$$' -fuzz '^FuzzArchive$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 100x
	go test ./pkg/render -run '^$$' -fuzz '^FuzzOverlay$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 100x
	go test ./pkg/render -run '^$$' -fuzz '^FuzzConfigurations$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 100x

.PHONY: crash
crash: sandbox-1.36 ## Kill install, update, rollback, a node roll and adopt at every API call, and run them again (an hour on 2 cores; PLANES=4)
	go test ./e2e/crash -run 'Disturbed/killed' -v -count=1 -timeout 0 -every-call -planes $(PLANES)

.PHONY: soak
soak: sandbox-1.36 ## Play N=1000 fault schedules, and check SOAK=1000000 random graphs and catalogs of each kind against naive oracles
	go test ./e2e/crash -run 'Disturbed/faults' -v -count=1 -timeout 0 -schedules $(N) -planes $(PLANES)
	go test ./pkg/graph -run 'Every(Way|State|Step|Other)' -rapid.checks $(SOAK) -timeout 0

.PHONY: compare
compare: sandbox-1.36 $(HELM) ## Bring a release that crashes on one node to 50 nodes by our roll, by the DaemonSet controller and by Helm (4 minutes)
	go test ./e2e -run TestAHaltIsWhatNoOtherWayHas -v -count=1 -compare-nodes 50

.PHONY: bench-roll
bench-roll: sandbox-1.36 ## Compare our roll with the DaemonSet controller's on 1,000 nodes, and measure 200 halts (15 minutes; ROLL_NODES=1000 HALTS=200)
	go test ./e2e -run 'TestARollCostsLittleMoreThanTheControllers|TestAHaltComesSoon' -v -count=1 -parallel 1 -timeout 40m \
		-roll-nodes $(ROLL_NODES) -roll-rounds 2 -halts $(HALTS) -halt-limit 2s

.PHONY: bench-fleet
bench-fleet: sandbox-1.36 ## Measure what 1,000 simulated clusters cost the manager of a fleet: one rollout, a hundred, nothing, a restart (6 minutes)
	go test ./e2e -run TestWhatAFleetCostsItsManager -v -count=1 -timeout 30m -fleet-clusters 1000 -fleet-idle 60s -fleet-goals

.PHONY: bench
bench: build $(HELM) ## Run the benchmarks
	go test ./... -run '^$$' -bench . -benchmem

.PHONY: generate
generate: $(CONTROLLER_GEN) ## Write generated files: deep copies, CRDs, the CLI reference
	@$(CONTROLLER_GEN) object paths=./pkg/api/...
	@$(CONTROLLER_GEN) crd paths=./pkg/api/... output:crd:dir=manifests/crds
	@go test ./pkg/cli -run TestTheReferenceIsTheCommandTree -update >/dev/null

.PHONY: format
format: $(GOFUMPT) ## Format the code
	@$(GOFUMPT) -w $$(git ls-files '*.go')

.PHONY: lint
lint: $(GOLANGCI) ## Run the linters
	@$(GOLANGCI) run ./...

.PHONY: verify
verify: $(CONTROLLER_GEN) $(GOFUMPT) lint ## Check generated files, go.mod, format, frozen releases, and lint
	@./.ci/verify $(CONTROLLER_GEN) $(GOFUMPT)

.PHONY: freeze
freeze: ## Freeze what releases render to with the charts' present versions
	@go test ./charts -run TestEveryFrozenReleaseRendersAsItWasPublished -count=1 -freeze >/dev/null
	@go test ./charts -run TestEveryFrozenReleaseRendersAsItWasPublished -count=1

.PHONY: clean
clean: ## Remove what was built in the tree
	@rm -rf $(BIN)

# A tool is built once, under a name with its version, and moved into place when whole.
define tool
	@mkdir -p $(CACHE) && tmp=$$(mktemp -d $(CACHE)/build.XXXXXX) && trap "rm -rf $$tmp" EXIT && \
	echo "building $(notdir $@)" && GOFLAGS= GOBIN=$$tmp go install $(1) && mv $$tmp/* $@
endef

$(CONTROLLER_GEN):
	$(call tool,sigs.k8s.io/controller-tools/cmd/controller-gen@$(CONTROLLER_GEN_VERSION))
$(GOFUMPT):
	$(call tool,mvdan.cc/gofumpt@$(GOFUMPT_VERSION))
$(GOLANGCI):
	$(call tool,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION))
$(GOTESTSUM):
	$(call tool,gotest.tools/gotestsum@$(GOTESTSUM_VERSION))
# Stamped as Helm's own releases are: without it, Helm takes every cluster for one of Kubernetes 1.20.
$(HELM):
	$(call tool,-ldflags '-s -w -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$(HELM_KUBERNETES)' helm.sh/helm/v3/cmd/helm@$(HELM_VERSION))

# A program of Prometheus is built in its own module, with the modules that its go.mod says. Of its ways to find targets it needs none but files.
define prometheus
	@mkdir -p $(CACHE) && tmp=$$(mktemp -d $(CACHE)/build.XXXXXX) && trap "rm -rf $$tmp" EXIT && \
	echo "building $(notdir $@)" && export GOFLAGS= GOWORK=off CGO_ENABLED=0 && cd e2e/prometheus && go mod download github.com/prometheus/prometheus && \
	go build -C "$$(go list -m -f '{{.Dir}}' github.com/prometheus/prometheus)" -tags remove_all_sd -o $$tmp/ ./cmd/$(1) && mv $$tmp/$(1) $@
endef

$(PROMTOOL):
	$(call prometheus,promtool)
$(PROMETHEUS):
	$(call prometheus,prometheus)
