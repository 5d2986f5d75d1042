# Shopwire's commands. `make` alone lists them. Those of the first group are aliases of `.venv/bin/shop`, which has more.
# Works with GNU make 3.81 (macOS) and later.

PYTHON ?= python3
COMPOSE ?= docker compose
WORKERS ?= auto
EMULATOR ?= localstack

BIN := .venv/bin
STAMP := .venv/.installed
CLIENTS := .clients/.installed
BENCH := .venv-bench/.installed
LOAD := .venv-load/.installed
BROWSER := .venv-browser/.installed
CDK := .venv-cdk/.installed
SHOP := $(BIN)/shop
WITH_BROWSER = PYTHONPATH=$$(echo .venv-browser/lib/python*/site-packages)
# uv makes both environments from the lock file, with the installed Python. The paths are relative, because a folder's
# name may contain characters that a shell interprets.
UV = $(NO_CACHE) UV_PYTHON_DOWNLOADS=never UV_PYTHON=$(BIN)/python $(BIN)/uv
# A user without a home directory, as in some containers, has no cache.
NO_CACHE = $(shell d="$${UV_CACHE_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/uv}"; \
  { mkdir -p "$$d" && test -w "$$d"; } 2>/dev/null || echo UV_NO_CACHE=1)
# One sentence instead of the many lines of pip and uv, if the network is missing. All else that they say is shown.
OR_EXPLAIN = 2>.venv/install.log || { \
  if grep -qE 'from versions: none|connection broken|Failed to fetch|Network connectivity is disabled' .venv/install.log; \
  then echo "Packages cannot be downloaded: .venv/install.log says from where. Connect this machine, or set HTTPS_PROXY if it needs a proxy, and try again."; \
  else cat .venv/install.log >&2; fi; exit 1; }

# Variables that a shell exports for other Python projects would move the environments or change what they import. Only
# settings of indexes, caches, proxies and certificates reach pip and uv.
KEPT_OF_UV := UV_INDEX% UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_NO_INDEX UV_OFFLINE UV_CONFIG_FILE UV_CACHE_DIR UV_NO_CACHE \
  UV_NATIVE_TLS UV_SYSTEM_CERTS UV_INSECURE_HOST UV_KEYRING_PROVIDER UV_CREDENTIALS_DIR UV_HTTP% UV_REQUEST_TIMEOUT UV_CONCURRENT%
KEPT_OF_PIP := PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_CONFIG_FILE PIP_%CACHE_DIR PIP_PROXY \
  PIP_CERT PIP_CLIENT_CERT PIP_TRUSTED_HOST PIP_KEYRING_PROVIDER PIP_USE_FEATURE PIP_USE_DEPRECATED PIP_%TIMEOUT PIP_RETRIES
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONUSERBASE PYTHONNOUSERSITE PYTHONPLATLIBDIR PYTHONOPTIMIZE \
  PYTHONINSPECT $(filter-out $(KEPT_OF_UV) $(KEPT_OF_PIP),$(filter UV_% PIP_%,$(.VARIABLES)))

.DEFAULT_GOAL := help
.PHONY: help run dev demo status logs stop reset doctor plan up down project test test-emulator test-boto3 test-otlp test-docker test-clients test-load test-cdk test-browser chromium resilience resilience-full resilience-docker mutation-check bench bench-check e2e lint fmt docs pictures engine install clean simulate load load-report

help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo

##@ The shop on this machine, without Docker
run: $(STAMP)  ## start everything and follow its logs; Ctrl-C stops it
	@$(SHOP) run

dev: $(STAMP)  ## like run, and an edit restarts the processes it concerns
	@$(SHOP) dev

demo: $(STAMP)  ## buy something and follow the order to its end (from `make run` or `make up`)
	@$(SHOP) demo

load: $(STAMP) $(LOAD)  ## send customers to the shop of `make run`, by a web page (ARGS="--headless --outage 20": without it)
	@$(SHOP) load $(ARGS)

status: $(STAMP)  ## show which processes run, since when, and whether they answer
	@$(SHOP) status || true

logs: $(STAMP)  ## show the last log lines and follow new ones (LOG=basket: only these)
	@$(SHOP) logs $(LOG)

stop: $(STAMP)  ## stop the shop that another terminal started, or what is left of it
	@$(SHOP) stop

reset: $(STAMP)  ## empty the shop and load the demo catalogue again
	@$(SHOP) reset

doctor: $(STAMP)  ## examine the shop and send it test messages
	@$(SHOP) doctor

plan: $(STAMP)  ## show what `shop stack up` would change
	@$(SHOP) stack plan

##@ The shop in containers
up: project  ## build and start everything with Docker Compose, wait until it is healthy
	@$(COMPOSE) up --build --wait --detach || \
	  { echo "It did not come up. A port in use? \`make stop\` ends a shop of \`make run\`; .env.example shows how to choose others."; \
	    echo "Otherwise: \`$(COMPOSE) logs\`, and \`make down\` to begin anew."; exit 1; }
	@echo "The shop is open:"
	@echo "  http://$$($(COMPOSE) port door 8000)/shop (web pages)"
	@echo "  http://$$($(COMPOSE) port room 8000)/room (the machine room)"
	@echo "  http://$$($(COMPOSE) port door 8000) (everything)"
	@for it in product basket ordering stock payment; do echo "  http://$$($(COMPOSE) port $$it 8000)/docs ($$it)"; done
	@echo "Buy something with \`make demo\`; logs: \`$(COMPOSE) logs -f\`; end it with \`make down\`."

down: project  ## stop the containers and remove them, volumes too
	$(COMPOSE) down --volumes --remove-orphans

# Compose names a project after its folder. Two clones in folders of the same name would share their containers.
project:
	@$(COMPOSE) version >/dev/null 2>&1 || \
	  { echo "Docker Compose is not here: install Docker, or use \`make run\`, which needs none."; exit 1; }
	@config=$$($(COMPOSE) config) || \
	  { echo "Docker Compose cannot use this folder. If its name gives no project name, set COMPOSE_PROJECT_NAME, here or in .env."; \
	    exit 1; }; \
	name=$$(echo "$$config" | sed -n 's/^name: "*\([^"]*\)"*$$/\1/p'); \
	other=$$(docker ps --all --filter "label=com.docker.compose.project=$$name" \
	  --format '{{.Label "com.docker.compose.project.working_dir"}}' | grep -vxF -e "$$(pwd)" -e "$$(pwd -P)" | head -n 1); \
	[ ! -d "$$other" ] || \
	  { echo "The containers of project $$name belong to the clone in $$other."; \
	    echo "Set another COMPOSE_PROJECT_NAME for this one, here or in .env."; exit 1; }

##@ Work on it
test: $(STAMP)  ## every test that needs no Docker, with coverage
	$(BIN)/pytest -m "not docker and not resilience and not clients and not load and not browser and not cdk" -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(ARGS)

test-emulator: $(STAMP)  ## the integration tests on EMULATOR=localstack (a container), or the URL of one that runs
	$(BIN)/pytest -m "integration and not docker and not resilience" -n $(WORKERS) --emulator $(EMULATOR) $(ARGS)

test-boto3: $(STAMP)  ## what calls AWS in the services' tests, and random faults, with boto3's own transport
	SHOP_TRANSPORT=boto3 $(BIN)/pytest -m "not docker and (integration or resilience)" -n $(WORKERS) --dist loadfile tests/chassis tests/product tests/basket tests/ordering tests/payment tests/stock \
	  tests/resilience/fault_injection/test_random_faults.py $(ARGS)

test-otlp: $(STAMP)  ## spans sent to an OTLP endpoint, in an environment with OpenTelemetry
	$(UV) run --quiet --frozen --isolated --group otlp pytest tests/chassis/tracing $(ARGS)

test-docker: $(STAMP) engine  ## the tests that need Docker
	$(BIN)/pytest -m "docker and not resilience" $(ARGS)

test-clients: $(STAMP) $(CLIENTS)  ## clients that are generated from the OpenAPI documents buy (needs Node.js)
	$(BIN)/pytest -m clients tests/clients $(ARGS)

test-load: $(STAMP) $(LOAD)  ## half a minute of load with an outage: nothing is lost, and the report is complete
	$(BIN)/pytest -m load tests/load $(ARGS)

test-cdk: $(STAMP) $(CDK)  ## the CDK app makes the shop's own templates (needs Node.js)
	$(BIN)/pytest -m cdk tests/cdk $(ARGS)

test-browser: $(STAMP) $(BROWSER) chromium  ## the web pages in Chromium: purchases and accessibility
	$(WITH_BROWSER) $(BIN)/pytest -m browser tests/browser tests/storefront tests/chassis/web $(ARGS)

resilience: $(STAMP)  ## crash processes, break AWS calls and count the orders: a sample of all cases (SHOP_SEED=7 replays)
	$(BIN)/pytest -m "resilience and not docker" -n $(WORKERS) --dist worksteal tests/resilience $(ARGS)

resilience-full: $(STAMP)  ## the same with every case
	SHOP_RESILIENCE=full $(BIN)/pytest -m "not docker" -n $(WORKERS) --dist worksteal tests/resilience $(ARGS)

resilience-docker: $(STAMP) engine  ## the same against LocalStack
	$(BIN)/pytest -m "resilience and docker" tests/resilience $(ARGS)

mutation-check: $(STAMP)  ## break each promise in a copy of the code: its test must fail
	$(BIN)/python -m tests.mutation.check

bench: $(STAMP) $(BENCH)  ## compare the speed with naive shops, in fifteen minutes (ARGS="--against ../other": and with a checkout)
	.venv-bench/bin/python -m bench $(ARGS)

bench-check: $(STAMP) $(BENCH)  ## the same in two minutes, only to find that something became much slower
	.venv-bench/bin/python -m bench --check --seconds 1 --rounds 3 $(ARGS)

simulate: $(STAMP)  ## simulate the shop at 1, 100 and 10,000 checkouts a second, and renew docs/scale.md and docs/costs.md
	$(BIN)/python -m simulate

load-report: $(STAMP) $(LOAD)  ## three minutes of load with an outage on the shop of `make run`, and renew docs/load.md
	$(SHOP) load --headless --users 30 --seconds 180 --outage 60 --out docs $(ARGS)
	$(BIN)/python -m docs.generate

e2e: $(STAMP)  ## only the tests that start the whole shop as real processes
	$(BIN)/pytest -m "e2e and not docker and not clients" $(ARGS)

lint: $(STAMP)  ## ruff, format, types, import contracts, the CloudFormation template, the workflows
	$(UV) lock --check --quiet
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint bootstrap/*.yaml bootstrap/fargate/*.yaml bootstrap/lambdas/*.yaml services/*/template.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --no-progress --quiet .github

fmt: $(STAMP)  ## format, and repair what can be repaired
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(STAMP)  ## renew what is generated: event schemas, pages of docs, the routes of bootstrap/front.yaml
	$(BIN)/python -m docs.generate

# These targets need containers. Without Docker they fail and do not skip.
engine:
	@docker info >/dev/null 2>&1 || { echo "No Docker engine answers: start it first. \`make test\` needs none."; exit 1; }

pictures: $(STAMP) $(BROWSER) chromium  ## renew the pictures of README and docs, from a shop that it starts
	@$(WITH_BROWSER) $(BIN)/python -m tests.browser.pictures

# The browser for tests of pages. Debian's package is the one that can be installed without asking.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && grep -q '^ID=debian' /etc/os-release && \
	    echo "Installing Chromium" && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >/dev/null; } || \
	  { echo "There is no Chromium: install it (Debian: apt-get install chromium), or Chrome. \`make test\` needs none."; exit 1; }

install: $(STAMP)  ## make .venv and .venv-emulator from the lock file

clean:  ## remove what was made here: environments, caches, var/ (the shop's data)
	@if [ -f $(STAMP) ]; then $(SHOP) stop; fi
	rm -rf .venv .venv-emulator .venv-bench .venv-load .venv-browser .venv-cdk .clients var htmlcov .coverage .coverage.* .hypothesis .schemathesis
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The generators and REST clients for tests/clients, from their lock file. Their install scripts do not run.
$(CLIENTS): tests/clients/package.json tests/clients/package-lock.json
	@command -v npm >/dev/null || { echo "There is no npm: install Node.js 20 or newer. \`make test\` needs none."; exit 1; }
	@echo "Installing the generators of clients into .clients"
	@mkdir -p .clients && cp tests/clients/package.json tests/clients/package-lock.json .clients/
	@cd .clients && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# The peers of the benchmark, and what measures them. aiobotocore pins its own versions.
$(BENCH): $(STAMP)
	@echo "Installing the benchmark's peers into .venv-bench"
	@UV_PROJECT_ENVIRONMENT=.venv-bench $(UV) sync --quiet --frozen --only-group bench $(OR_EXPLAIN)
	@touch $@

# Locust and what it needs.
$(LOAD): $(STAMP)
	@echo "Installing Locust into .venv-load"
	@UV_PROJECT_ENVIRONMENT=.venv-load $(UV) sync --quiet --frozen --only-group load $(OR_EXPLAIN)
	@touch $@

# CDK, whose Python packages run JavaScript.
$(CDK): $(STAMP)
	@command -v node >/dev/null || { echo "There is no node: install Node.js 20 or newer. \`make test\` needs none."; exit 1; }
	@echo "Installing CDK into .venv-cdk"
	@UV_PROJECT_ENVIRONMENT=.venv-cdk $(UV) sync --quiet --frozen --only-group cdk $(OR_EXPLAIN)
	@touch $@

# Only what .venv lacks, so that the shop of these tests starts as fast as any other.
$(BROWSER): $(STAMP)
	@echo "Installing Playwright into .venv-browser"
	@UV_PROJECT_ENVIRONMENT=.venv-browser $(UV) sync --quiet --frozen --only-group browser $(OR_EXPLAIN)
	@touch $@

# Made again only when a dependency changed.
$(STAMP): pyproject.toml uv.lock
	@command -v $(PYTHON) >/dev/null || \
	  { echo "There is no $(PYTHON): install Python 3.11 or newer, or name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Shopwire needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import os, re, sys; sys.exit(bool(re.search("[:\x00-\x1f\x7f\ud800-\udfff]", os.getcwd())))' || \
	  { echo "No Python environment can be made here: this folder's name, or that of one above it, has a colon or a"; \
	    echo "control character in it, or is not UTF-8. Rename that folder."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) has no venv module: install it (Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Making .venv with $$($(PYTHON) -V)"; $(PYTHON) -m venv --clear .venv; }
	@uv=$$(sed -n 's/.*"\(uv==[0-9.]*\)".*/\1/p' pyproject.toml); \
	  [ "$$($(BIN)/uv --version 2>/dev/null | cut -d' ' -f2)" = "$${uv#uv==}" ] || \
	  { echo "Installing $$uv"; $(BIN)/python -m pip install --no-user --quiet --disable-pip-version-check "$$uv" $(OR_EXPLAIN); }
	@echo "Installing the shop's packages into .venv"
	@$(UV) sync --quiet --frozen $(OR_EXPLAIN)
	@echo "Installing the emulator into .venv-emulator (it pins its own versions)"
	@UV_PROJECT_ENVIRONMENT=.venv-emulator $(UV) sync --quiet --frozen --only-group emulator $(OR_EXPLAIN)
	@touch $@
