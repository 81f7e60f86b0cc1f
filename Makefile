# Needs Python 3.11 or later (with its venv module), git and make; everything else goes into .venv/.
# An active virtual environment is neither needed nor touched.
#
#   make demo    install, and derive, write, generate, verify and train the two-layer network
#   make test    install with the test extras; lint, types, fast tests
#   make slow    the slow tier: LaTeX, a browser, scikit-learn, JAX (and PyTorch where it is there), the wheel in an empty environment
#   make fuzz    the property tests with many examples: 20,000 random expressions, as many texts of each kind (an hour, one core)
#   make docs    the documentation as a site, in site/
#   make regen   regenerate generated/, the page of operations and the checked note (then review the diff)
#   make bench   the benchmarks of docs/performance.md

.DEFAULT_GOAL := help
.PHONY: help demo test lint slow fuzz docs regen bench clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
unexport PYTHONPATH
unexport PYTHONHOME

BIN := .venv/bin
CANDIDATES := $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help:
	@sed -n 's/^#   \{0,1\}//p' Makefile

.venv/python:
	@for python in $(CANDIDATES); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    if ! $$python -c 'import venv, ensurepip' >/dev/null 2>&1; then lacking="$$lacking $$python"; continue; fi; \
	    echo "making .venv with $$($$python --version)"; \
	    $$python -m venv --clear .venv && touch $@ && exit 0; \
	  fi; \
	done; \
	if [ -n "$$lacking" ]; then \
	  echo "These have no venv and ensurepip:$$lacking. Install them (Debian, Ubuntu: apt install python3-venv), or name another Python: make PYTHON=/path/to/python3" >&2; \
	else \
	  echo "No Python 3.11 or later found. Install one, or name it: make PYTHON=/path/to/python3" >&2; \
	fi; exit 1

.venv/run: .venv/python pyproject.toml
	@echo "installing symbackprop"
	@$(PIP) install --editable .
	@touch $@

.venv/test: .venv/python pyproject.toml
	@echo "installing symbackprop and what its tests need"
	@$(PIP) install --editable '.[test]'
	@touch .venv/run $@

.venv/slow: .venv/python pyproject.toml
	@echo "installing symbackprop and what its slow tests need"
	@$(PIP) install --editable '.[test,slow]'
	@touch .venv/run .venv/test $@

demo: .venv/run
	@$(BIN)/symbackprop demo $(if $(OUT),-o $(OUT))

lint: .venv/test
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy --no-error-summary

# The tests run whatever lint says, and say the last word.
test: .venv/test
	@$(MAKE) lint; linted=$$?; \
	echo "$(BIN)/python -m pytest -n 2"; $(BIN)/python -m pytest -n 2; tested=$$?; \
	[ $$linted = 0 ] || echo "lint has failed: see above"; \
	[ $$linted = 0 ] && [ $$tested = 0 ]

slow: .venv/slow
	$(BIN)/python -m pytest -m slow -n 2

fuzz: .venv/test
	nice -n 19 $(BIN)/python -m pytest -m hypothesis --hypothesis-profile=fuzz --hypothesis-show-statistics

docs: .venv/run
	@$(PIP) install --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

regen: .venv/run
	@for spec in examples/*.toml; do $(BIN)/symbackprop generate $$spec -o generated/numpy || exit 1; done
	@$(BIN)/symbackprop ops -o docs
	@$(BIN)/symbackprop verify examples/backpropagation_note.md -o examples/backpropagation_note.checked.md --quiet || [ $$? = 1 ]
	@git --no-pager diff --stat -- generated docs examples

bench: .venv/test
	$(BIN)/python benchmarks/gradient.py --threads 1
	$(BIN)/python benchmarks/transformer.py
	$(BIN)/python benchmarks/second_order.py --threads 1
	$(BIN)/python benchmarks/derive.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/expressions.py

clean:
	rm -rf .venv demo-output site dist build .pytest_cache .ruff_cache .mypy_cache .hypothesis
