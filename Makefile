# The tasks of durahook. "make" alone lists them.
#
# There are two modules: this one, and standalone/, which has the Temporal server in it. Go commands in the one
# never enter the other, so the tasks go through both. MODULES=. keeps to the light one.
MODULES ?= . standalone
GO      ?= go
ARGS    ?=
TIMEOUT ?= 40m

GOLANGCI_LINT_VERSION := 2.15.0
WORKFLOWCHECK_VERSION := 0.6.0
OAPI_CODEGEN_VERSION  := 2.8.2
GOVULNCHECK_VERSION   := 1.9.0
VULNDB_VERSION        := 0.0.0-20261105234957-e22db6528018
CYCLONEDX_VERSION     := 1.10.0

# Tools are built once for each version of them and of Go.
tools         := bin/tools/$(shell $(GO) env GOVERSION)
golangci_lint := $(tools)/golangci-lint-$(GOLANGCI_LINT_VERSION)/golangci-lint
workflowcheck := $(tools)/workflowcheck-$(WORKFLOWCHECK_VERSION)/workflowcheck
oapi_codegen  := $(tools)/oapi-codegen-$(OAPI_CODEGEN_VERSION)/oapi-codegen
govulncheck   := $(tools)/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck
indexdb       := $(tools)/indexdb-$(VULNDB_VERSION)/indexdb
cyclonedx     := $(tools)/cyclonedx-gomod-$(CYCLONEDX_VERSION)/cyclonedx-gomod

# What "make generate" makes of api/openapi.yaml.
generated := api/types/types.gen.go client/client.gen.go api/docs.gen.html

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ldflags  = -s -w -X github.com/durahook/durahook/internal/version.stamped=$(VERSION)

# The race detector needs a C compiler.
race = $(if $(shell command -v $(firstword $(shell $(GO) env CC))),-race)

# in-each-module runs a command in every module and stops at the first that fails.
in-each-module = @for module in $(MODULES); do echo "$$module: $(1)"; (cd $$module && $(1)) || exit 1; done

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Build and start everything; make run ARGS="--no-demo" hands flags on
	@echo "Building durahook. The first build takes several minutes, because the Temporal server is compiled in; the next ones take seconds."
	@exec $(GO) -C standalone run . $(ARGS)

.PHONY: test
test: ## Run all tests, with the race detector where there is a C compiler
	@[ -n "$(race)" ] || echo "There is no C compiler: the tests run without the race detector." >&2
	$(call in-each-module,$(GO) test $(race) -timeout $(TIMEOUT) ./...)

.PHONY: build
build: ## Build bin/durahook and bin/durahook-standalone
	$(GO) build -buildvcs=false -ldflags "$(ldflags)" -o bin/durahook ./cmd/durahook
	$(GO) -C standalone build -buildvcs=false -ldflags "$(ldflags)" -o ../bin/durahook-standalone .

.PHONY: vet
vet: ## Run go vet
	$(call in-each-module,$(GO) vet ./...)

.PHONY: lint
lint: $(golangci_lint) ## Run golangci-lint
	$(call in-each-module,$(abspath $(golangci_lint)) run ./...)

.PHONY: workflowcheck
workflowcheck: $(workflowcheck) ## Check that the workflows are deterministic
	$(workflowcheck) ./workflows/...

.PHONY: licences
licences: ## Fail if a program has code in it under a licence that we may not give away
	$(GO) run ./internal/licences . ./cmd/durahook
	$(GO) run ./internal/licences standalone .

.PHONY: vulncheck
vulncheck: $(govulncheck) ## Fail if a program has a known vulnerability in it
	$(GO) build -buildvcs=false -o bin/vulncheck/durahook ./cmd/durahook
	$(GO) -C standalone build -buildvcs=false -o ../bin/vulncheck/durahook-standalone .
	MAKE="$(MAKE)" .ci/vulncheck $(govulncheck) $(indexdb) v$(VULNDB_VERSION) bin/vulncheck/durahook bin/vulncheck/durahook-standalone

# No paths, no times, no state of the checkout: whoever builds a release's source with the same Go gets the same bytes.
reproducible = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "$(ldflags)"

.PHONY: check-reproducible
check-reproducible: ## Fail if durahook is another program when it is built in another directory
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && mkdir "$$dir/source" && \
		tar --exclude=./.git --exclude=./bin --exclude=./standalone -c . | tar -x -C "$$dir/source" && \
		$(reproducible) -o "$$dir/here" ./cmd/durahook && \
		(cd "$$dir/source" && $(reproducible) -o "$$dir/there" ./cmd/durahook) && \
		cmp "$$dir/here" "$$dir/there" && \
		[ "$$("$$dir/there" version)" = "durahook $(VERSION)" ] && sha256sum <"$$dir/here"

.PHONY: sbom
sbom: $(cyclonedx) build ## Write what the programs are made of to bin/*.cdx.json (CycloneDX)
	for program in durahook durahook-standalone; do \
		$(cyclonedx) bin -json -licenses -version $(VERSION) -output bin/$$program.cdx.json bin/$$program || exit 1; done

.PHONY: fmt
fmt: ## Format all Go files
	gofmt -w .

.PHONY: check-fmt
check-fmt: ## Fail if a Go file is not formatted
	@files=$$(gofmt -l .) && [ -z "$$files" ] || { echo "make fmt would change:"; echo "$$files"; exit 1; }

.PHONY: generate
generate: $(oapi_codegen) ## Make the API's types and the client anew from api/openapi.yaml
	$(GO) run ./internal/openapigen api/openapi.yaml bin/openapi.yaml api/docs.gen.html
	$(oapi_codegen) -config api/types/oapi-codegen.yaml bin/openapi.yaml
	$(oapi_codegen) -config client/oapi-codegen.yaml bin/openapi.yaml

.PHONY: check-generated
check-generated: ## Fail if what is made from api/openapi.yaml is not up to date
	@before=$$(cat $(generated) | cksum) && $(MAKE) --no-print-directory generate && \
		[ "$$before" = "$$(cat $(generated) | cksum)" ] || { echo "make generate has changed:" $(generated); exit 1; }

.PHONY: tidy
tidy: ## Bring go.mod and go.sum up to date
	$(call in-each-module,$(GO) mod tidy)

.PHONY: check-tidy
check-tidy: ## Fail if go.mod or go.sum is not up to date
	$(call in-each-module,$(GO) mod tidy -diff)

.PHONY: histories
histories: ## Record anew the workflow histories that the replay test replays
	$(GO) -C standalone test -count=1 -timeout $(TIMEOUT) -run 'TestRecordHistor|TestReconcileLostWorkflow|TestRetention' . -record

.PHONY: pictures
pictures: ## Take anew the pictures of the console that the docs show
	$(GO) -C standalone test -count=1 -timeout $(TIMEOUT) -run TestPictures . -pictures ../docs/pictures

.PHONY: clean
clean: ## Remove what was built, tools included; data directories stay
	rm -rf bin

$(golangci_lint):
	@echo "Building golangci-lint $(GOLANGCI_LINT_VERSION), once; this takes a few minutes."
	GOBIN=$(abspath $(@D)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_LINT_VERSION)

$(workflowcheck):
	GOBIN=$(abspath $(@D)) $(GO) install go.temporal.io/sdk/contrib/tools/workflowcheck@v$(WORKFLOWCHECK_VERSION)

$(oapi_codegen):
	GOBIN=$(abspath $(@D)) $(GO) install github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v$(OAPI_CODEGEN_VERSION)

$(govulncheck):
	GOBIN=$(abspath $(@D)) $(GO) install golang.org/x/vuln/cmd/govulncheck@v$(GOVULNCHECK_VERSION)

$(indexdb):
	GOBIN=$(abspath $(@D)) $(GO) install golang.org/x/vulndb/cmd/indexdb@v$(VULNDB_VERSION)

$(cyclonedx):
	GOBIN=$(abspath $(@D)) $(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v$(CYCLONEDX_VERSION)
