# Every target works in a new clone with Python 3.13, Node 20 or later and make.

PYTHON ?= python3
STAGE ?= local
OUT ?= .build/synth/$(STAGE)
SETTINGS = -c stage=$(STAGE) $(addprefix -c ,$(SET))

VENV := .venv/bin
CDK := node_modules/.bin/cdk
BIOME := node_modules/.bin/biome
API_TYPES := .build/console/openapi.d.ts
BROWSER_RULES := .build/console/rules.json
PYTHON_SOURCES := $(wildcard functions/*.py functions/*/*.py shared/*.py shared/*/*.py)
UV := $(shell sed -n 's/^ *"\(uv==[^"]*\)".*/\1/p' pyproject.toml)

# Print the output of parallel targets one after another, if make supports it.
IN_TURN := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

# Without bytecode caches every command would spend more than a second compiling its imports.
unexport PYTHONDONTWRITEBYTECODE
export CHROMIUM
export UV_PYTHON_DOWNLOADS = never
export CDK_DISABLE_CLI_TELEMETRY = true
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION = 20

.DEFAULT_GOAL := help
.PHONY: not-local synth-prod $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' Makefile)

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/.done node_modules/.done ## Create the environments from uv.lock and package-lock.json

.venv/.done: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || \
		{ echo "Keywright needs Python 3.13, and '$(PYTHON)' is another version: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@echo "… Create the Python environment from uv.lock"
	@$(PYTHON) -m venv .venv
	@$(VENV)/pip install --quiet --disable-pip-version-check "$(UV)"
	@$(VENV)/uv sync --quiet --locked --all-extras
	@touch $@

node_modules/.done: package.json package-lock.json
	@echo "… Install the packages of package-lock.json"
	@npm ci --silent --no-audit --no-fund
	@touch $@

up: setup ## Deploy to the emulator on this machine (PORT=4566) and write .local/stack.json
	@$(VENV)/python -m infra.local.stack up $(if $(PORT),--port $(PORT))

down: setup ## Stop the local stack and keep its data
	@$(VENV)/python -m infra.local.stack down

clean: setup ## Stop the local stack and delete its data
	@$(VENV)/python -m infra.local.stack clean

demo: up ## Load a sample catalog, place an order of each kind, import files, print the results
	@$(VENV)/python -m infra.local.demo

# Failed rows (exit status 1) do not fail make; a script that needs the status runs keywright itself.
import: setup ## Import FILE=… of KIND=licenses|customers|license-features (STAGE, DRY_RUN=1, MAPPING, DATES, ON_ERROR=reject_all)
	@$(VENV)/keywright import --stage "$(STAGE)" --file "$(FILE)" --kind "$(KIND)" \
		$(if $(DRY_RUN),--dry-run) $(if $(ON_ERROR),--on-error "$(ON_ERROR)") $(if $(ENCODING),--encoding "$(ENCODING)") \
		$(if $(MAPPING),--mapping "$(MAPPING)") $(if $(DATES),--dates "$(DATES)") \
		$(if $(UNKNOWN_COLUMNS),--unknown-columns "$(UNKNOWN_COLUMNS)") \
		$(if $(ON_EXISTING),--on-existing "$(ON_EXISTING)") $(if $(ON_MISSING),--on-missing "$(ON_MISSING)") || { status=$$?; test $$status = 1 || exit $$status; }

test: check ## Alias of check

check: setup browser ## Run everything that CI runs: lint, types, synth, unit and end-to-end tests
	@echo "… Run all checks in parallel; the output of each follows when it is done"
	@$(MAKE) --no-print-directory -j3 $(IN_TURN) lint types synth-prod e2e unit NICE=nice

synth-prod: setup
	@$(MAKE) --no-print-directory synth STAGE=prod

lint: setup $(API_TYPES) ## Check style and formatting, and the types of the console's scripts
	@$(VENV)/ruff check
	@$(VENV)/ruff format --check
	@$(BIOME) ci --error-on-warnings
	@node_modules/.bin/tsc

# A default makes a field of a request optional, not of a response.
$(API_TYPES): $(PYTHON_SOURCES) package-lock.json | setup
	@mkdir -p $(@D)
	@$(VENV)/python -m functions.web.openapi $(@D)/openapi.json
	@node_modules/.bin/openapi-typescript $(@D)/openapi.json --default-non-nullable false --output $@ >/dev/null 2>&1

faults: setup ## Run N=500 seeded fault-injection schedules, starting at SEED=0 (KIND=orders|imports|changes|updates|exports|plans|undo|together)
	@$(VENV)/python -m tests.faults $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED)) $(if $(KIND),--kind $(KIND))

first-seeds: setup ## Find the first schedule that shows each planted bug, which keeps its test quick
	@$(VENV)/python -m tests.faults.first_seeds

redirects: setup ## Test whether the HTTP clients of Go and PHP on this machine follow the API's 308
	@$(VENV)/python -m tests.redirects

second-opinion: setup ## Compare with roto-aws and dynalite (N=600 random histories each) and checkov (OF=roto)
	@$(VENV)/python -m tests.second_opinion $(if $(N),--n $(N)) $(if $(OF),--of $(OF))

throttle: setup ## Import ROWS=1000000 into throttling tables: real code, simulated time (SCALE=1)
	@$(VENV)/python -m tests.faults.throttle $(if $(ROWS),--rows $(ROWS)) $(if $(SCALE),--scale $(SCALE))

types: setup ## Check types
	@$(VENV)/mypy

# Faults have processes of their own: a test forks its process at each fault, and small ones fork faster.
unit: setup console-tests ## Run the tests that need no stack
	@$(NICE) $(VENV)/pytest tests/faults -m "not e2e" -n 2 --dist worksteal
	@$(NICE) $(VENV)/pytest --ignore tests/faults -m "not e2e" -n 2 --dist worksteal --require-grants-proof --require-refusals-proof

console-tests: setup $(BROWSER_RULES) ## Run the tests of the console's scripts that need no browser
	@$(NICE) node --test --test-reporter=spec $(wildcard tests/console/*.test.js tests/console/*/*.test.js)

$(BROWSER_RULES): $(PYTHON_SOURCES) | setup
	@mkdir -p $(@D)
	@$(VENV)/python -m functions.console.rules $@

prove-grants: setup ## Mutate each grant of prod; the comparison with the handlers must detect it
	@$(VENV)/pytest tests/functions -q -n 2 --require-grants-proof
	@$(VENV)/python -m tests.grants.mutations

browser: ## Install Chromium for the tests of the console, if it is missing
	@for name in $(CHROMIUM) chromium chromium-browser google-chrome; do \
		command -v $$name >/dev/null && exit 0; done; \
	echo "… Install Chromium"; \
	$(SUDO) apt-get -qq update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes chromium >/dev/null || \
		{ echo "The tests of the console need Chromium. Install it, or set CHROMIUM=/path/to/chromium" >&2; exit 1; }

e2e: setup browser ## Run the end-to-end tests on new stacks (or KEYWRIGHT_STACK=.local/stack.json)
	@$(VENV)/pytest tests/e2e -m e2e $(if $(KEYWRIGHT_STACK),,-n 2 --dist loadfile --no-loadscope-reorder)

screenshots: up browser ## Write screenshots of the console to .screenshots/, and those of the documentation to docs/console/
	@$(VENV)/python -m infra.tools.screenshots

synth: setup ## Write the CloudFormation template of STAGE=local|dev|prod to OUT=dir, without credentials
	@$(CDK) synth --quiet --no-notices $(SETTINGS) --output $(abspath $(OUT))

diff deploy destroy preflight: not-local

not-local:
	@test "$(STAGE)" != local || { echo "The stage local is deployed by make up. Choose another stage, such as STAGE=dev" >&2; exit 2; }

diff: setup ## Show the changes of a deploy of STAGE=dev|prod (METHOD=template needs read access only)
	@$(CDK) diff --no-notices $(if $(METHOD),--method $(METHOD)) $(SETTINGS)

deploy: setup ## Deploy STAGE=dev|prod to AWS (SET="setting=value …")
	@$(VENV)/keywright deploy --stage "$(STAGE)" $(addprefix --set ,$(SET)) --approval $(or $(APPROVAL),broadening)

preflight: setup ## Check whether STAGE=dev|prod can be deployed, without changes
	@$(VENV)/keywright preflight --stage "$(STAGE)" $(addprefix --set ,$(SET))

verify: setup ## Prove that a deployed STAGE=local|dev works (ROWS, MEGABYTES, ONLY=step,step, ROLLBACK=1)
	@$(VENV)/keywright verify --stage "$(STAGE)" $(addprefix --set ,$(SET)) $(if $(ROWS),--rows $(ROWS)) \
		$(if $(MEGABYTES),--megabytes $(MEGABYTES)) $(if $(ONLY),--only "$(ONLY)") $(if $(ROLLBACK),--rollback)

destroy: setup ## Delete STAGE=dev with all its data
	@$(CDK) destroy --no-notices $(SETTINGS)

fmt: setup ## Format, and fix lint errors
	@$(VENV)/ruff format
	@$(VENV)/ruff check --fix
	@$(BIOME) check --write

docs: setup ## Generate the pages of docs/ that come from code
	@$(VENV)/python -m bench.cost
	@$(VENV)/python -m bench.scale
	@$(VENV)/python -m infra.tools.columns
	@$(VENV)/python -m infra.tools.events
	@$(MAKE) --no-print-directory synth STAGE=prod
	@$(VENV)/python -m infra.tools.grants .build/synth/prod/Keywright-prod.template.json docs/security.md
	@$(VENV)/python -m functions.web.error_codes docs/errors.md
	@$(VENV)/python -m tests.e2e.clients.table docs/compatibility.md README.md

release: setup ## Set VERSION=x.y.z, date the changelog, commit and tag
	@$(VENV)/python -m infra.tools.release "$(VERSION)"

postman: setup ## Generate the Postman collection and sample files in .build/postman
	@$(VENV)/python -m infra.tools.postman .build/postman

audit: setup ## Look up vulnerabilities of the locked packages; fails if it can't look them up
	@$(VENV)/python -m infra.tools.audit

fuzz: up ## Fuzz every operation of the local stack (SECONDS=600, SEED=1)
	@$(VENV)/python -m tests.e2e.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

sbom: setup ## Write CycloneDX bills of materials to .build/sbom
	@mkdir -p .build/sbom
	@$(VENV)/uv export --quiet --frozen --all-groups --all-extras --format cyclonedx1.5 --output-file .build/sbom/python.cdx.json >/dev/null
	@npm sbom --loglevel error --package-lock-only --sbom-format cyclonedx > .build/sbom/node.cdx.json
	@echo "Wrote .build/sbom/python.cdx.json and .build/sbom/node.cdx.json"

bench: up ## Benchmark orders on the local stack
	@$(VENV)/python -m bench.orders

bench-search: up ## Benchmark the search with 100,000 customers on the local stack
	@$(VENV)/python -m bench.search

bench-imports: setup ## Benchmark imports against two alternatives (FULL=1 for a million rows)
	@$(VENV)/python -m bench.imports $(if $(FULL),--full)

load: up ## Benchmark orders at rising rates on the local stack, with and without an import
	@$(VENV)/python -m bench.load
