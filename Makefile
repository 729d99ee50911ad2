# Rulebridge. `make` lists the targets.
GO       ?= go
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.13.2
WFCHECK  := go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0
# Everything but the embedded server's package, which type-checks for minutes.
PACKAGES  = $(shell $(GO) list ./... | grep -v /worker/embedded)
DATA     ?= ../shared/data
FUZZTIME ?= 30s
export RULEBRIDGE_DATA = $(abspath $(DATA))

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.PHONY: build
build: ## the whole binary, with the embedded Temporal server
	$(GO) build -o bin/rulebridge .

.PHONY: build-production
build-production: ## the static binary for clusters, without the embedded server
	CGO_ENABLED=0 $(GO) build -tags production -ldflags '-s -w' -o bin/rulebridge-production .

.PHONY: sizes
sizes: build build-production ## build both and print their sizes
	@$(GO) build -ldflags '-s -w' -o bin/rulebridge-stripped .
	@for b in rulebridge rulebridge-stripped rulebridge-production; do printf '%-24s %5.1f MB\n' $$b $$(stat -c %s bin/$$b | awk '{print $$1/1e6}'); done

# Chaos waits for outages most of its minutes, so the suite runs beside the others.
.PHONY: test
test: build ## all tests; parts that are missing here are skipped visibly
	@$(MAKE) --no-print-directory -j2 test-packages test-chaos test-browser

.PHONY: test-packages test-chaos test-browser
test-packages: # all tests but chaos and those of the page
	RULEBRIDGE_BIN=$(abspath bin/rulebridge) $(GO) test -p 3 -timeout 40m -skip '^TestChaos' $(filter-out %/test/e2e,$(PACKAGES))
test-browser: # the page in a real Chromium; screenshots go to bin/screenshots
	RULEBRIDGE_BIN=$(abspath bin/rulebridge) $(GO) test -count=1 -timeout 15m ./test/e2e
test-chaos: # the short form of chaos: a few kills, and each fault for a third of its time
	RULEBRIDGE_BIN=$(abspath bin/rulebridge) $(GO) test -timeout 40m -run '^TestChaos' ./test/integration

.PHONY: pictures
pictures: build ## the pictures of the documents (docs/pictures), by the tests of the page
	RULEBRIDGE_BIN=$(abspath bin/rulebridge) RULEBRIDGE_PICTURES=$(abspath docs/pictures) $(GO) test -count=1 -timeout 15m ./test/e2e

.PHONY: test-short
test-short: ## the fast tests
	$(GO) test -short $(PACKAGES)

# The test log of a suite becomes its figures and failures; without pipefail the exit code would be awk's.
chaos: SHELL = /bin/bash
chaos: .SHELLFLAGS = -o pipefail -c
KILLS ?= 200
RULES ?= 2000
SEED  ?= $(shell date +%s)

.PHONY: chaos
chaos: build ## KILLS (200) kill -9 over migrations of RULES (2000) rules with SEED, then every fault; an hour at most
	CHAOS_FULL=1 CHAOS_KILLS=$(KILLS) CHAOS_RULES=$(RULES) CHAOS_SEED=$(SEED) RULEBRIDGE_BIN=$(abspath bin/rulebridge) \
	  $(GO) test -count=1 -timeout 60m -v ./test/integration -run '^TestChaos' | awk '/FIGURE/ {sub(/^.*FIGURE /, ""); print; fflush(); next} /_test.go:|^ *--- |^(FAIL|ok|PASS|panic)/ {print; fflush()}'

.PHONY: race
race: ## the tests of the concurrent parts under the race detector
	$(GO) test -race -short -timeout 40m ./workflows/... ./activities/... ./api/... ./internal/store/... ./internal/llm/... ./internal/assistant/... ./worker

.PHONY: lint
lint: ## golangci-lint and gofmt
	$(GO) run $(GOLANGCI) run ./...

.PHONY: workflowcheck
workflowcheck: ## Temporal's check that workflow code is deterministic
	$(GO) run $(WFCHECK) -config workflowcheck.config.yaml ./workflows/...

# Go's fuzzing sometimes ends a run that found nothing with "context deadline exceeded", when its time is over while a
# worker is busy (golang/go#75804); such an end, without a failing input, is no failure.
fuzz: SHELL = /bin/bash
fuzz: .SHELLFLAGS = -o pipefail -c
.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@set -e; log=$$(mktemp); trap 'rm -f '$$log EXIT; \
	for p in $$(grep -rlE '^func Fuzz' --include=*_test.go . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$p/*_test.go | cut -c6- | sort -u); do \
	    echo "fuzz $$p $$f"; $(GO) test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) 2>&1 | tee $$log || \
	      { grep -qx ' *context deadline exceeded' $$log && ! grep -qE 'Failing input|_test.go:|panic' $$log; }; done; done

SPLICES ?= 200000
.PHONY: splices
splices: ## compile SPLICES (200,000) searches spliced from others; none may crash or hang (a minute)
	@mkdir -p bin
	SPLICES=$(SPLICES) SPLICE_SEED=$(SEED) SPLICE_LAST=$(abspath bin)/splice-last.spl $(GO) test -count=1 -timeout 60m -v -run 'TestSplicedSearches' ./internal/translate

.PHONY: bench
bench: build web/node_modules/.package-lock.json ## the program, the compiler and what its queries cost, as a table and bench/bench.json
	$(GO) run ./test/bench -bin $(abspath bin/rulebridge) -json bench/bench.json
	$(GO) test -run '^$$' -bench . -benchmem ./internal/spl ./internal/esql ./internal/schema ./internal/translate ./internal/prebuilt ./internal/rulelist
	$(GO) test -run '^$$' -bench 'Alerts' ./internal/store/sqlite
	RULEBRIDGE_BIN=$(abspath bin/rulebridge) $(GO) test -count=1 -timeout 10m -v -run 'TestTenThousand' ./test/e2e | awk '/FIGURE|SKIP/ {sub(/^.*FIGURE /, ""); print; fflush()} /^(---|FAIL|ok)/ {print}'

.PHONY: page
page: web/node_modules/.package-lock.json ## the page's files (api/page/dist) from web/
	cd web && node build.mjs --size

.PHONY: page-test
page-test: web/node_modules/.package-lock.json ## the page's types and tests
	cd web && npm run --silent check && npm run --silent test

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund

.PHONY: generate
.PHONY: man
man: ## the manual pages (docs/man) from the commands' help
	$(GO) test ./cli -run TestManPages -update-man

generate: ## the generated files
	$(GO) generate ./...

fidelity mutations: SHELL = /bin/bash
fidelity mutations: .SHELLFLAGS = -o pipefail -c

.PHONY: fidelity
fidelity: ## every figure of the translation, on a real Elasticsearch node
	FIDELITY=all $(GO) test -count=1 -timeout 60m -v ./test/fidelity -run 'TestCorpus|TestLabelledEvents|TestRealEvents|TestPipeline|TestRandomConditions|TestGolden|TestEstates|TestNamedSource|TestModelsFire|TestEveryFullRuleFires' | awk '/FIGURE/ {sub(/^.*FIGURE /, ""); print; fflush(); next} /NOT EXACT|NOT FIRED|FIRED WRONGLY|MISS|REJECTED|^ *--- FAIL|^(FAIL|ok|PASS|panic)/ {print; fflush()}'

.PHONY: mutations
mutations: ## break the compiler in many ways; the goldens and the pipelines must notice each
	FIDELITY=all $(GO) test -count=1 -timeout 60m -v ./test/fidelity -run 'TestMutations' | awk '/FIGURE/ {sub(/^.*FIGURE /, ""); print; fflush(); next} /mutations_test|^(FAIL|ok|PASS|panic)/ {print; fflush()}'

.PHONY: drafts-later
drafts-later: ## drafts with SET unmapped_fields on a 9.x front end, in houses that lack some of their columns (ESQL9, built before)
	RULEBRIDGE_ESQL9=$(abspath $(ESQL9)) $(GO) test -count=1 ./test/fidelity -run TestUnmappedLater -v

ESQL9 ?= ../shared/tools/esql9/esqlcheck

.PHONY: documents-later
documents-later: ## the examples of the ES|QL knowledge base on a 9.x front end (ESQL9, built before)
	RULEBRIDGE_ESQL9=$(abspath $(ESQL9)) $(GO) test -count=1 ./test/elasticsearch/agree -run TestDocumentsLater -v
