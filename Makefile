# Each target is one task. `make demo` and `make test` need Python 3.11 or later and make; a few tests need more.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
SAM_VENV := .sam-venv
SBOM_VENV := .sbom-venv
TEMPLATE_VENV := .template-venv
AUDIT_VENV := .audit-venv
MUTATION_VENV := .mutation-venv
DATA ?=
CONFIG ?=
MODEL ?= models/churn
PROOFS ?=
MUTANTS ?= 400
EVENT ?= events/predict.json
FUNCTION ?=
PORT ?= 8000
AWS_PORT ?= 4566
# The template's default, used by the build and by the deploy.
ARCH ?= arm64
# dev, staging or prod: where a package will run.
ENVIRONMENT ?= dev
# Parameters of the template that replace those of samconfig.toml, such as "LogRetentionDays=30 CreateDashboard=true".
PARAMETERS ?=
# Further options of sam deploy.
SAM_OPTIONS ?=
export PARAMETERS SAM_OPTIONS
# The whole digest that the model must have.
MODEL_DIGEST ?=
# Without MODEL, builds use a sample model.
OWN_MODEL = $(if $(filter file,$(origin MODEL)),,$(MODEL))
export SAM_CLI_TELEMETRY := 0
export ORT_DISABLE_TELEMETRY := 1
export UV_PYTHON_DOWNLOADS := never
# Without compiled files each process compiles scikit-learn again, which takes 3 s.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help setup setup-dev setup-sam setup-sbom setup-template-lint setup-audit setup-mutation demo test test-unit test-file check proof audit mutation lint format bench bench-models bench-online bench-capacity validate build package deploy invoke local containers pin-bases openapi lock clean clean-all

help: ## list all targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A stamp file for each environment: a changed lock installs it again.
$(VENV)/.bootstrap: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; set PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(VENV)/.train: $(VENV)/.bootstrap requirements/train.txt pyproject.toml
	@echo "Installing what training and scoring need into $(VENV) ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/train.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.train requirements/dev.txt
	@echo "Installing what the tests need into $(VENV) ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

$(SAM_VENV)/.sam: $(VENV)/.bootstrap requirements/sam.txt
	@echo "Installing AWS SAM into $(SAM_VENV) ..."
	@test -x $(SAM_VENV)/bin/python || $(PYTHON) -m venv --without-pip $(SAM_VENV)
	@$(UV) pip install --quiet --python $(SAM_VENV)/bin/python --require-hashes -r requirements/sam.txt
	@touch $@

$(SBOM_VENV)/.sbom: $(VENV)/.bootstrap requirements/sbom.txt
	@echo "Installing what lists packages and licences into $(SBOM_VENV) ..."
	@test -x $(SBOM_VENV)/bin/python || $(PYTHON) -m venv --without-pip $(SBOM_VENV)
	@$(UV) pip install --quiet --python $(SBOM_VENV)/bin/python --require-hashes -r requirements/sbom.txt
	@touch $@

$(TEMPLATE_VENV)/.lint: $(VENV)/.bootstrap requirements/template-lint.txt
	@echo "Installing the template's linters into $(TEMPLATE_VENV) ..."
	@test -x $(TEMPLATE_VENV)/bin/python || $(PYTHON) -m venv --without-pip $(TEMPLATE_VENV)
	@$(UV) pip install --quiet --python $(TEMPLATE_VENV)/bin/python --require-hashes -r requirements/template-lint.txt
	@touch $@

$(AUDIT_VENV)/.audit: $(VENV)/.bootstrap requirements/audit.txt
	@echo "Installing pip-audit into $(AUDIT_VENV) ..."
	@test -x $(AUDIT_VENV)/bin/python || $(PYTHON) -m venv --without-pip $(AUDIT_VENV)
	@$(UV) pip install --quiet --python $(AUDIT_VENV)/bin/python --require-hashes -r requirements/audit.txt
	@touch $@

$(MUTATION_VENV)/.mutation: $(VENV)/.bootstrap requirements/mutation.txt
	@echo "Installing Cosmic Ray into $(MUTATION_VENV) ..."
	@test -x $(MUTATION_VENV)/bin/python || $(PYTHON) -m venv --without-pip $(MUTATION_VENV)
	@$(UV) pip install --quiet --python $(MUTATION_VENV)/bin/python --require-hashes -r requirements/mutation.txt
	@touch $@

setup: $(VENV)/.train ## install what make demo needs
setup-dev: $(VENV)/.dev ## install what tests and lint need
setup-sam: $(SAM_VENV)/.sam ## install AWS SAM in a separate environment
setup-sbom: $(SBOM_VENV)/.sbom ## install the tool that lists packages and licences
setup-template-lint: $(TEMPLATE_VENV)/.lint ## install the linters of the template
setup-audit: $(AUDIT_VENV)/.audit ## install pip-audit in a separate environment
setup-mutation: $(MUTATION_VENV)/.mutation ## install Cosmic Ray in a separate environment

demo: setup ## train, prove, score one, score a million (DATA=path for a table of your own)
	@$(BIN)/python -m churn_core.cli.demo $(DATA) $(if $(CONFIG),--config $(CONFIG))

test: setup-dev setup-sam setup-sbom setup-template-lint ## run every test on all cores
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test-unit: setup-dev ## run the unit tests alone, in a minute or two
	@$(BIN)/python -m pytest tests/unit --numprocesses auto --dist loadfile

test-file: setup-dev ## run one test file or folder: make test-file FILE=tests/unit/churn_core/test_config.py
	@test -n "$(FILE)" || { echo "Name a file: make test-file FILE=tests/unit/..." >&2; exit 2; }
	@$(BIN)/python -m pytest "$(FILE)" -x

check: test lint ## run what CI runs: every test, then style and types

proof: setup-dev setup-sam setup-sbom setup-template-lint setup-audit setup-mutation ## run the long proofs, and write docs/proof.md
	@$(BIN)/python -m tests.write_proof $(PROOFS)

audit: setup setup-audit ## look up every locked package in the database of known faults (needs the network)
	@$(BIN)/python -m infra.build.audit

mutation: setup-dev setup-mutation ## plant small faults and count those that a test notices; continues a stopped run (MUTANTS=400)
	@$(BIN)/python -m tests.mutation.run --mutants $(MUTANTS)

lint: setup-dev ## check style, types, import rules and spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/codespell

format: setup-dev ## format the code
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

bench: setup ## compare batch scoring with scikit-learn, in one run
	@$(BIN)/python -m benchmarks.batch --grow

$(VENV)/.bench: $(VENV)/.train requirements/bench.txt
	@echo "Installing the peers of the benchmark into $(VENV) ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@touch $@

bench-models: $(VENV)/.bench ## compare the models with others; DATA=labelled.csv TARGET=column adds your own table, FRESH=1 forgets
	@$(BIN)/python -m benchmarks.models $(if $(DATA),--data $(DATA) --target "$(TARGET)") $(if $(TABLES),--tables $(TABLES)) $(if $(PEERS),--peers $(PEERS)) $(if $(FRESH),--fresh)

bench-online: setup-dev setup-sam ## compare the online API with other servers, each in its own environment (needs wrk)
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.online

bench-capacity: setup-dev setup-sam ## measure both functions with Lambda's memory and processor; writes docs/cost.md (needs root)
	@$(BIN)/python -m benchmarks.capacity

validate: setup-sam ## check the template with SAM and cfn-lint
	@$(SAM_VENV)/bin/sam validate --lint --region eu-west-1

build: setup setup-sam ## build the Lambdas for ARCH, with the model in MODEL (default: a sample model)
	@ARCH=$(ARCH) MODEL=$(OWN_MODEL) ENVIRONMENT=$(ENVIRONMENT) $(SAM_VENV)/bin/sam build

package: setup-dev setup-sam setup-sbom setup-template-lint ## make and check the zips for ENVIRONMENT; MODEL=DIR or s3://...
	@$(BIN)/python -m infra.build.package_functions --environment "$(ENVIRONMENT)" --architecture "$(ARCH)" \
	  $(if $(OWN_MODEL),--model "$(OWN_MODEL)") $(if $(MODEL_DIGEST),--digest "$(MODEL_DIGEST)")

deploy: setup setup-sam ## deploy the stack of ENVIRONMENT; PARAMETERS="NAME=VALUE ..." adds to samconfig.toml
	@$(BIN)/python -m infra.build.deploy --environment "$(ENVIRONMENT)" --parameters "$$PARAMETERS" -- $$SAM_OPTIONS

invoke: setup setup-sam ## send one event to the built function: make invoke EVENT=events/predict.json
	@$(BIN)/python -m infra.local.invoke "$(EVENT)" --model $(MODEL) $(if $(FUNCTION),--function $(FUNCTION))

local: setup-dev setup-sam ## run the whole stack on this machine, with the model in MODEL (PORT=8000, AWS_PORT=4566)
	@$(BIN)/python -m infra.local.stack --model $(MODEL) --port $(PORT) --aws-port $(AWS_PORT)

containers: setup setup-sam ## build the contents of compose.yaml's images, with the model in MODEL
	@$(BIN)/python -m infra.containers.prepare --model $(MODEL)

pin-bases: setup ## write the digest of the images' base into Dockerfile and compose.yaml (needs the network)
	@$(BIN)/python -m infra.containers.pin_bases

# The sample table that the tests train on too, so that they can hold the file against the code.
openapi: setup ## write infra/openapi.json for the default configuration
	@sample=$$(mktemp -d) \
	  && $(BIN)/churn generate $$sample/customers.parquet --rows 3000 --seed 11 > $$sample/log \
	  && $(BIN)/churn train $$sample/customers.parquet --out $$sample/model > $$sample/log \
	  && $(BIN)/churn openapi --model $$sample/model --out infra/openapi.json \
	  && rm -r $$sample && echo "Wrote infra/openapi.json."

lock: $(VENV)/.bootstrap ## write the locks, without index addresses
	@sh requirements/lock.sh $(UV)

clean: ## remove environments and builds; models and data stay
	rm -rf .import_linter_cache $(VENV) $(SAM_VENV) $(SBOM_VENV) $(TEMPLATE_VENV) $(AUDIT_VENV) $(MUTATION_VENV) .bench-venvs .aws-sam build

clean-all: clean ## remove models and data too
	rm -rf models data
