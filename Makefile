# Needs make, a Python >= 3.12, a package index and the npm registry; everything else goes into .venv.

BIN := .venv/bin
# Tests that share something expensive carry @pytest.mark.xdist_group. Also on a machine that many
# share, one test never takes a quarter of an hour: a hanging one fails with its stack instead of
# blocking CI. Three processes for two processors: two of them have the tests that wait for servers and
# browsers, see helpers/distribution.py. With four the pages of some tests wait too long.
PYTEST_ARGS ?= -n 3 --dist loadgroup --timeout 900

# Each of a hundred programs would compile all of its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint pytest docs lock bench release-check clean oldest newest

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/'

demo: .venv/.from-lock  ## Simulate a fleet in Helsinki, match it to the roads, serve the result
	$(BIN)/trackflow demo

test: lint pytest  ## Everything that CI checks

# A few that fail beside the others are tried again alone, and named: see second_look.py.
pytest: .venv/.from-lock  ## The tests
	$(BIN)/pytest $(PYTEST_ARGS) || $(BIN)/python -m trackflow_tests.second_look $$? $(PYTEST_ARGS)

# What mypy found is of use to the next run only, and CI has none.
lint: .venv/.from-lock  ## Style, types, the direction of imports, unused code
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(if $(CI),--cache-dir=/dev/null)
	$(BIN)/lint-imports
	$(BIN)/vulture

docs: .venv/.from-lock  ## Make the pages of docs/ anew that come from the code
	$(BIN)/python -m trackflow_tests.docs.generate

bench: .venv/.from-lock  ## Run every benchmark
	for name in segmentation stays people track_cases wrong_ways matching import backfill accuracy mileage live api ingest load cache catalogue formats hostile mesh mesh_batch monitoring workers; do \
		$(BIN)/python -m trackflow_tests.benchmarks $$name || exit 1; \
	done

release-check: .venv/.from-lock  ## Build sdist, wheel and bill of materials into dist/, and try them as a user
	$(BIN)/python scripts/release_check.py

lock:  ## Refresh requirements.lock (needs uv on PATH, or after any other target)
	PATH="$$PATH:.uv/bin" uv pip compile --upgrade --universal --python-version 3.12 \
		--generate-hashes --group dev --custom-compile-command "make lock" \
		--no-emit-index-url --no-emit-find-links --quiet pyproject.toml -o requirements.lock

# What pyproject.toml promises of versions, tried: the oldest that it allows, and the newest there are.
VERSIONS_TESTS ?= -m "not slow" -n 2 --dist loadgroup --timeout 900 -q

oldest:  ## Test with the oldest versions of dependencies that are allowed (needs uv on PATH)
	scripts/versions lowest-direct .venv-oldest $(VERSIONS_TESTS)

newest:  ## Test with the newest versions of dependencies that are allowed (needs uv on PATH)
	scripts/versions highest .venv-newest $(VERSIONS_TESTS)

clean:  ## Remove the environment and all caches; data stays
	rm -rf trackflow/web/vendored .venv .venv-oldest .venv-newest .uv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find trackflow trackflow_tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.from-lock: requirements.lock pyproject.toml scripts/setup scripts/vendor.py scripts/world.py scripts/gazetteer.py scripts/cities.py hatch_build.py
	scripts/setup
