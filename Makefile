# From a bare clone with Python 3.13, Node and make, every target does what it needs by itself.

PYTHON ?= python3
STAGE ?= local
OUT ?= .build/synth/$(STAGE)
SETTINGS = -c stage=$(STAGE) $(addprefix -c ,$(SET))

VENV := .venv/bin
CDK := node_modules/.bin/cdk
UV := $(shell sed -n 's/^ *"\(uv==[^"]*\)".*/\1/p' pyproject.toml)

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

# Without Python's own cache each command would compile what it imports: more than a second of each.
unexport PYTHONDONTWRITEBYTECODE
export CHROMIUM
export UV_PYTHON_DOWNLOADS = never
export CDK_DISABLE_CLI_TELEMETRY = true
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION = 20

.DEFAULT_GOAL := help
.PHONY: not-local $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' Makefile)

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/.done node_modules/.done ## Make the environments from uv.lock and package-lock.json

.venv/.done: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || \
		{ echo "Keywright needs Python 3.13; '$(PYTHON)' is not. Say which one is: make PYTHON=/path/to/python3.13" >&2; exit 1; }
	@echo "… Make the Python environment from uv.lock"
	@$(PYTHON) -m venv .venv
	@$(VENV)/pip install --quiet --disable-pip-version-check "$(UV)"
	@$(VENV)/uv sync --quiet --locked
	@touch $@

node_modules/.done: package.json package-lock.json
	@echo "… Install the packages of package-lock.json"
	@npm ci --silent --no-audit --no-fund
	@touch $@

up: setup ## Start the whole stack on this machine (PORT=4566) and write .local/stack.json
	@$(VENV)/python -m infra.ops.stack up $(if $(PORT),--port $(PORT))

down: setup ## Stop the local stack, keeping its data
	@$(VENV)/python -m infra.ops.stack down

clean: setup ## Stop the local stack and forget its data
	@$(VENV)/python -m infra.ops.stack clean

demo: up ## Load a sample catalog, place an order of each kind, show what was issued
	@$(VENV)/python -m infra.ops.demo

# Rows with errors are a result, not a failure of make; a script runs keywright and reads its exit status.
import: setup ## Import FILE=… of KIND=licenses|customers|license-features (STAGE, DRY_RUN=1, ON_ERROR=reject_all)
	@$(VENV)/keywright import --stage "$(STAGE)" --file "$(FILE)" --kind "$(KIND)" \
		$(if $(DRY_RUN),--dry-run) $(if $(ON_ERROR),--on-error "$(ON_ERROR)") $(if $(ENCODING),--encoding "$(ENCODING)") \
		$(if $(UNKNOWN_COLUMNS),--unknown-columns "$(UNKNOWN_COLUMNS)") || { status=$$?; test $$status = 1 || exit $$status; }

test: check ## The same as check

check: lint types ## Everything that CI runs: lint, types, synth, tests end to end
	@$(MAKE) --no-print-directory synth STAGE=prod
	@$(MAKE) --no-print-directory unit e2e

lint: setup ## Check style and formatting
	@$(VENV)/ruff check
	@$(VENV)/ruff format --check

faults: setup ## Run N=500 seeded schedules of faults from SEED=0 on (KIND=orders|imports)
	@$(VENV)/python -m tests.faults $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED)) $(if $(KIND),--kind $(KIND))

redirects: setup ## See whether the HTTP clients of Go and PHP on this machine follow the API's 308
	@$(VENV)/python -m tests.redirects

second-opinion: setup ## Ask other tools: roto-aws and dynalite (N=300 random histories each), checkov (OF=roto)
	@$(VENV)/python -m tests.second_opinion $(if $(N),--n $(N)) $(if $(OF),--of $(OF))

throttle: setup ## Import ROWS=1000000 into new tables that throttle, on the real code in simulated time (SCALE=1)
	@$(VENV)/python -m tests.faults.throttle $(if $(ROWS),--rows $(ROWS)) $(if $(SCALE),--scale $(SCALE))

types: setup ## Check types
	@$(VENV)/mypy

unit: setup ## Run the tests that need no running stack
	@$(VENV)/pytest -m "not e2e" -n 2 --require-grants-proof --require-refusals-proof

prove-grants: setup ## Break each grant of prod once; the comparison with the handlers must notice
	@$(VENV)/pytest tests/functions -q -n 2 --require-grants-proof
	@$(VENV)/python -m tests.grants.mutations

browser: ## Install Chromium, where there is none, for the tests of the console
	@for name in $(CHROMIUM) chromium chromium-browser google-chrome; do \
		command -v $$name >/dev/null && exit 0; done; \
	echo "… Install Chromium"; \
	$(SUDO) apt-get -qq update && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes chromium >/dev/null || \
		{ echo "The tests of the console need Chromium. Install it, or: make … CHROMIUM=/path/to/it" >&2; exit 1; }

e2e: setup browser ## Run the tests against a stack of their own (or KEYWRIGHT_STACK=.local/stack.json)
	@$(VENV)/pytest -m e2e

screenshots: up browser ## Take pictures of every page of the console into .screenshots/, three of them into docs/
	@$(VENV)/python -m infra.ops.screenshots

synth: setup ## Write the CloudFormation of STAGE=local|dev|prod to OUT=dir, without credentials
	@$(CDK) synth --quiet --no-notices $(SETTINGS) --output $(abspath $(OUT))

diff deploy destroy preflight: not-local

not-local:
	@test "$(STAGE)" != local || { echo "The stage local is for make up; say STAGE=dev or another one" >&2; exit 2; }

diff: setup ## Show what a deploy of STAGE=dev|prod would change (METHOD=template needs no right to change)
	@$(CDK) diff --no-notices $(if $(METHOD),--method $(METHOD)) $(SETTINGS)

deploy: setup ## Deploy STAGE=dev|prod to the AWS account of your credentials (SET="setting=value …")
	@$(VENV)/keywright deploy --stage "$(STAGE)" $(addprefix --set ,$(SET)) --approval $(or $(APPROVAL),broadening)

preflight: setup ## Say whether STAGE=dev|prod can be deployed, and change nothing
	@$(VENV)/keywright preflight --stage "$(STAGE)" $(addprefix --set ,$(SET))

verify: setup ## Prove that a deployed STAGE=local|dev works (ROWS, MEGABYTES, ONLY=step,step, ROLLBACK=1)
	@$(VENV)/keywright verify --stage "$(STAGE)" $(addprefix --set ,$(SET)) $(if $(ROWS),--rows $(ROWS)) \
		$(if $(MEGABYTES),--megabytes $(MEGABYTES)) $(if $(ONLY),--only "$(ONLY)") $(if $(ROLLBACK),--rollback)

destroy: setup ## Delete STAGE=dev and everything in it
	@$(CDK) destroy --no-notices $(SETTINGS)

fmt: setup ## Format, and fix what can be fixed
	@$(VENV)/ruff format
	@$(VENV)/ruff check --fix

docs: setup ## Write the pages that are made from the code again
	@$(VENV)/python -m bench.cost
	@$(VENV)/python -m bench.scale
	@$(VENV)/python -m infra.ops.columns
	@$(MAKE) --no-print-directory synth STAGE=prod
	@$(VENV)/python -m infra.ops.grants .build/synth/prod/Keywright-prod.template.json docs/security.md
	@$(VENV)/python -m functions.refusals docs/errors.md

postman: setup ## Write the API as a Postman collection, and files to try it with, to .build/postman
	@$(VENV)/python -m infra.ops.postman .build/postman

audit: setup ## Look up what is known against the locked packages; fails when it can't be looked up
	@$(VENV)/python -m infra.ops.audit

fuzz: up ## Send odd requests to every operation of the local stack (SECONDS=600, SEED=1)
	@$(VENV)/python -m tests.e2e.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

sbom: setup ## Write what everything is made of to .build/sbom, as CycloneDX
	@mkdir -p .build/sbom
	@$(VENV)/uv export --quiet --frozen --all-groups --format cyclonedx1.5 --output-file .build/sbom/python.cdx.json >/dev/null
	@npm sbom --loglevel error --package-lock-only --sbom-format cyclonedx > .build/sbom/node.cdx.json
	@echo "The bills of materials are .build/sbom/python.cdx.json and .build/sbom/node.cdx.json"

bench: up ## Measure orders on the local stack
	@$(VENV)/python -m bench.orders

bench-imports: setup ## Measure imports against two other ways (FULL=1 for a million rows)
	@$(VENV)/python -m bench.imports $(if $(FULL),--full)

load: up ## Measure orders at rising rates on the local stack, alone and beside an import
	@$(VENV)/python -m bench.load
