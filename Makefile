# Moorage: every task has one word. `make help` lists them. Works with GNU make 3.81 (macOS) and needs no root.
.DEFAULT_GOAL := help
.PHONY: help serve test test-system soak bench lint format coverage check-wheel lock clean

help: ## list the tasks
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' Makefile | awk -F@ '{ printf "%-20s %s\n", $$1, $$2 }'

serve: ## install what is needed into .venv and start the server (ARGS="--port 6000")
	@sh scripts/install run
	@exec .venv/bin/moorage serve $(ARGS)

test: ## run the tests; what cannot run here is skipped with its reason (ARGS="-k tags")
	@sh scripts/test $(ARGS)

test-system: ## install the programs that the tests drive (Debian, as root; starts no service)
	@sh scripts/test-system

soak: ## run the long tests with full counts, in slices that can be continued (SLICE=600)
	@sh scripts/soak $(ARGS)

bench: ## measure, side by side with a peer
	@sh scripts/install dev
	@exec .venv/bin/python -m bench $(ARGS)

lint: ## check format, style, types, the direction of imports and the house rules
	@sh scripts/lint

format: ## format the code and mend what can be mended
	@sh scripts/install dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

coverage: ## run the tests and show what they do not reach
	@sh scripts/install dev
	mkdir -p .cache/coverage
	.venv/bin/coverage run -m pytest -n logical --dist loadgroup $(ARGS)
	.venv/bin/coverage combine --quiet
	.venv/bin/coverage report

check-wheel: ## build the wheel and start it in an environment of its own
	@sh scripts/check-wheel

lock: ## make requirements/*.txt again from pyproject.toml (ARGS="--upgrade")
	@sh scripts/lock $(ARGS)

clean: ## remove .venv and every cache of this checkout, never data
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build .coverage*
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
